"""One test a statement: interfaces, boundaries of many experts and the landscape, against quadrature and samples."""

from __future__ import annotations

import mpmath as mp
import pytest

from proofs.statements import value
from tests.definitions import near

pytestmark = pytest.mark.usefixtures("digits")


def phi(x):
    return mp.npdf(x)


@pytest.mark.statement("interface.sphere")
def test_sphere() -> None:
    """In the plane the square of the radius is exponential; in three dimensions integrate over a disc's latitude."""
    r = mp.mpf("1.3")
    assert near(value("interface.sphere", "c", r=r, d=2), mp.exp(-r * r / 2) / 2)
    slab = mp.quad(lambda z: phi(z) * mp.exp(-(r * r - z * z) / 2) / 2, [-r, r])
    assert near(value("interface.sphere", "c", r=r, d=3), slab)


@pytest.mark.statement("interface.ellipse")
def test_ellipse() -> None:
    """Given y the margin is 0 at two x, where its slope is 2 x."""
    r, b = mp.mpf("1.3"), mp.mpf("2.5")

    def over(t):  # y = r sin t/sqrt b, x = r cos t
        x, y = r * mp.cos(t), r * mp.sin(t) / mp.sqrt(b)
        return 2 * phi(x) * phi(y) / (2 * x) * x / mp.sqrt(b)

    assert near(value("interface.ellipse", "c", r=r, b=b), mp.quad(over, [-mp.pi / 2, 0, mp.pi / 2]))


@pytest.mark.statement("interface.parabola")
def test_parabola() -> None:
    for k in map(mp.mpf, ("0.2", "1", "3")):
        c = mp.quad(lambda x, k=k: phi(x) * phi(k * x * x), [-10, -2, 0, 2, 10])
        assert near(value("interface.parabola", "c", k=k), c, 1e-12)
    assert near(value("interface.parabola", "c", k=1), mp.mpf("0.278353195052"), 1e-11)


@pytest.mark.statement("interface.saddle")
def test_saddle() -> None:
    """P(|y^2 - x^2| <= w) by quadrature over x >= 0 and y >= 0; leading has an error of O(w^3 log w)."""

    def mass(w):
        def given(x):
            high, low = mp.sqrt(x * x + w), mp.sqrt(max(x * x - w, 0))
            return 2 * phi(x) * (mp.erf(high / mp.sqrt(2)) - mp.erf(low / mp.sqrt(2)))

        return mp.quad(given, [0, mp.sqrt(w) / 2, mp.sqrt(w), 2 * mp.sqrt(w), 1, 3, 12])

    with mp.workdps(20):
        for w in map(mp.mpf, ("0.01", "0.1")):
            rate = mp.quad(lambda m: value("interface.saddle", "rate", w=m), [0, w / 100, w / 10, w])
            assert near(rate, mass(w), 1e-8)
            assert abs(value("interface.saddle", "leading", w=w) - rate) < w**3 * (1 + abs(mp.log(w)))


@pytest.mark.statement("interface.power")
def test_power() -> None:
    for p in map(mp.mpf, ("1", "3", "0.5")):
        w = mp.mpf("0.3")
        inside = mp.quad(phi, [-(w ** (1 / p)), 0, w ** (1 / p)])
        assert near(value("interface.power", "M", w=w, p=p), inside)
        tiny = mp.mpf("1e-9") ** p
        assert near(value("interface.power", "leading", w=tiny, p=p), value("interface.power", "M", w=tiny, p=p), 1e-12)


@pytest.mark.statement("boundary.experts")
def test_many_experts() -> None:
    """Three logits: the chance that the first two are the largest and within w of each other, by their definition."""
    w = mp.mpf("0.4")
    with mp.workdps(20):
        lead = mp.quad(lambda x: value("boundary.experts", "lead", x=x, w=w, K=3), [-9, -1, 1, 3, 10])
        pair = mp.quad(lambda x: phi(x) * mp.quad(lambda y: phi(y) * mp.ncdf(x - w), [-12, x - w]), [-9, -1, 1, 3, 10])
        # the largest leads by more than w: three choices of it, both others below
        assert near(lead, 3 * mp.quad(lambda x: phi(x) * mp.ncdf(x - w) ** 2, [-9, -1, 1, 3, 10]), 1e-12)
        assert near(lead, 3 * pair, 1e-10)
        rate = mp.quad(lambda x: value("boundary.experts", "rate", x=x, w=0, K=3), [-9, -1, 1, 3, 10])
        assert near(rate, mp.mpf("0.846284375322"), 1e-10)


@pytest.mark.statement("boundary.experts_remainder")
def test_many_experts_remainder() -> None:
    with mp.workdps(20):
        for K in (4, 5):

            def mass(w, K=K):
                return 1 - K * mp.quad(lambda x: phi(x) * mp.ncdf(x - w) ** (K - 1), [-9, -1, 1, 3, 12])

            slope = mp.quad(lambda x, K=K: value("boundary.experts", "rate", x=x, w=0, K=K), [-9, -1, 1, 3, 12])
            f = mp.quad(lambda x, K=K: phi(x) ** 3 * mp.ncdf(x) ** (K - 3), [-9, -1, 1, 3, 12])
            q = value("boundary.experts_remainder", "second", f=f, K=K) / 2
            for w in map(mp.mpf, ("0.05", "0.5", "1.5")):
                low = slope * w + q * w * w + value("boundary.experts_remainder", "cubic", w=w) * slope
                assert low < mass(w) < slope * w
            w = mp.mpf("0.001")
            assert near((mass(w) - slope * w) / w**2, q, 1e-2)


@pytest.mark.statement("softhard.risk")
def test_risk() -> None:
    for alpha in map(mp.mpf, ("1.5", "2", "3.5")):
        excess = mp.quad(lambda u, a=alpha: 4 * a * u ** (a - 1) / (1 + mp.exp(u)) ** 2, [0, 1, 5, 20, 60])
        assert near(value("softhard.risk", "C", alpha=alpha), excess, 1e-12)


@pytest.mark.statement("softhard.threshold")
def test_threshold() -> None:
    """The derivative of the loss vanishes at the threshold moved so, up to T^4."""
    T, b = mp.mpf("0.02"), mp.mpf("0.7")
    shift = value("softhard.threshold", "shift", T=T, b=b)

    def slope(d):
        def over(x):
            return phi(x) * (mp.tanh((x - b - d) / (2 * T)) - mp.sign(x - b)) / mp.cosh((x - b - d) / (2 * T)) ** 2

        return mp.quad(over, [b - 60 * T, b - 5 * T, b - T, b, b + d, b + T, b + 5 * T, b + 60 * T])

    assert slope(shift * mp.mpf("0.99")) * slope(shift * mp.mpf("1.01")) < 0


@pytest.mark.statement("landscape.saddle")
def test_saddle_rates() -> None:
    A, C = mp.mpf("0.8"), mp.mpf("0.6")
    eigenvalues = mp.eigsy(mp.matrix([[2 * A, -2 * C], [-2 * C, 0]]), eigvals_only=True)
    assert near(eigenvalues[0], -value("landscape.saddle", "growth", A=A, C=C))
    assert near(eigenvalues[1], value("landscape.saddle", "decay", A=A, C=C))
    assert near(value("landscape.saddle", "hard"), mp.mpf("0.618993186606"), 1e-11)


@pytest.mark.statement("landscape.jump")
def test_jump() -> None:
    """Second difference of the loss, Gaussian x, at a small temperature."""
    T = mp.mpf("0.01")

    def loss(b):
        points = [-80 * T, -10 * T, -T, 0, b, T, 10 * T, 80 * T]
        return mp.quad(lambda x: phi(x) * (mp.tanh((x - b) / (2 * T)) - mp.sign(x)) ** 2, sorted(points))

    h = T / 50
    curvature = (loss(h) - 2 * loss(mp.mpf(0)) + loss(-h)) / h**2
    assert near(curvature, value("landscape.jump", "curvature", T=T, f0=phi(0)), 1e-3)
