(* Large deviations of the discrete rule: the slope of the escape barrier is the non-zero root of
   the Hamiltonian. It exists, is unique, and points against the field. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics.
Open Scope R_scope.

Lemma hamiltonian_mean : forall g eta u p,
  exp (hamiltonian g eta u p) =
  (1 + tanh u) / 2 * exp (p * (eta - u + g)) + (1 - tanh u) / 2 * exp (p * (eta - u - g)).
Proof.
  intros g eta u p. unfold hamiltonian.
  replace (ln (cosh (p * g + u) / cosh u) - p * (u - eta)) with
    (ln (cosh (p * g + u) / cosh u) + p * (eta - u)) by ring.
  rewrite exp_plus, exp_ln by (apply Rdiv_lt_0_compat; apply cosh_gt0).
  replace (p * (eta - u + g)) with (p * (eta - u) + p * g) by ring.
  replace (p * (eta - u - g)) with (p * (eta - u) + - (p * g)) by ring.
  rewrite !exp_plus.
  assert (E : cosh (p * g + u) / cosh u = (1 + tanh u) / 2 * exp (p * g) + (1 - tanh u) / 2 * exp (- (p * g))).
  { generalize (cosh_gt0 u). intros P. unfold tanh.
    apply (Rmult_eq_reg_r (cosh u)); [| lra]. field_simplify; [| lra | lra].
    unfold cosh, sinh. rewrite Ropp_plus_distr, !exp_plus. field. }
  rewrite E. ring.
Qed.

Lemma hamiltonian_derive g eta u p :
  is_derive (hamiltonian g eta u) p (g * tanh (p * g + u) - (u - eta)).
Proof.
  generalize (cosh_gt0 u) (cosh_gt0 (p * g + u)). intros P Q. unfold hamiltonian. auto_derive.
  - apply Rmult_lt_0_compat; [auto | now apply Rinv_0_lt_compat].
  - unfold tanh. field. lra.
Qed.

Lemma hamiltonian_zero g eta u : hamiltonian g eta u 0 = 0.
Proof.
  unfold hamiltonian. rewrite Rmult_0_l, Rplus_0_l. unfold Rdiv.
  rewrite Rinv_r, ln_1 by (generalize (cosh_gt0 u); lra). ring.
Qed.

Lemma hamiltonian_reflect g eta u p : hamiltonian g eta u p = hamiltonian g (- eta) (- u) (- p).
Proof.
  unfold hamiltonian. replace (- p * g + - u) with (- (p * g + u)) by ring. rewrite !cosh_even. ring.
Qed.

Lemma tanh_increasing a b : a < b -> tanh a < tanh b.
Proof.
  intros L. apply (increasing_on tanh (fun z => 1 - tanh z ^ 2) is_derive_tanh); auto.
  intros z _. rewrite tanh_sq. apply Rinv_0_lt_compat, pow_lt, cosh_gt0.
Qed.

(* The slope in p increases strictly. *)
Lemma slope_increasing g eta u p q : 0 < g -> p < q ->
  g * tanh (p * g + u) - (u - eta) < g * tanh (q * g + u) - (u - eta).
Proof.
  intros G L. assert (T : tanh (p * g + u) < tanh (q * g + u)) by (apply tanh_increasing; nra). nra.
Qed.

(* No three zeros: between zeros the slope vanishes, and it does so once. *)
Lemma two_zeros_at_most g eta u a b c : 0 < g -> a < b -> b < c ->
  hamiltonian g eta u a = 0 -> hamiltonian g eta u b = 0 -> hamiltonian g eta u c = 0 -> False.
Proof.
  intros G L1 L2 A B C.
  destruct (mvt _ _ (hamiltonian_derive g eta u) a b L1) as (x & E & I).
  destruct (mvt _ _ (hamiltonian_derive g eta u) b c L2) as (y & E' & I').
  generalize (slope_increasing g eta u x y G ltac:(lra)). intros S. rewrite A, B in E. rewrite B, C in E'.
  assert (X : g * tanh (x * g + u) - (u - eta) = 0) by (apply (Rmult_eq_reg_r (b - a)); lra).
  assert (Y : g * tanh (y * g + u) - (u - eta) = 0) by (apply (Rmult_eq_reg_r (c - b)); lra).
  lra.
Qed.

Lemma log_cosh_ge x : - x - ln 2 <= ln (cosh x).
Proof.
  replace (- x - ln 2) with (ln (exp (- x) / 2)).
  - apply ln_le; [generalize (exp_pos (- x)); lra |]. unfold cosh. generalize (exp_pos x). lra.
  - unfold Rdiv. rewrite ln_mult, ln_exp, ln_Rinv by (try apply exp_pos; lra). ring.
Qed.

Lemma root_left_of_zero g eta u : 0 < g -> - g < u - eta -> 0 < F g 1 eta u ->
  exists p, p < 0 /\ hamiltonian g eta u p = 0.
Proof.
  intros G L P.
  assert (S0 : g * tanh (0 * g + u) - (u - eta) = F g 1 eta u).
  { unfold F. rewrite Rmult_0_l, Rplus_0_l. ring. }
  assert (near : exists a, a < 0 /\ hamiltonian g eta u a < 0).
  { generalize (proj1 (is_derive_Reals _ _ _) (hamiltonian_derive g eta u 0)). rewrite S0. intros D.
    destruct (D (F g 1 eta u / 2) ltac:(lra)) as ([d Hd] & Q). simpl in Q.
    exists (- (d / 2)). split; [lra |].
    specialize (Q (- (d / 2)) ltac:(lra)).
    rewrite Rabs_Ropp, Rabs_pos_eq, hamiltonian_zero, Rplus_0_l in Q by lra.
    specialize (Q ltac:(lra)). apply Rabs_def2 in Q. destruct Q as [_ Q].
    assert (T : 0 < (hamiltonian g eta u (- (d / 2)) - 0) / - (d / 2)) by lra.
    assert (U : 0 < (hamiltonian g eta u (- (d / 2)) - 0) / - (d / 2) * (d / 2))
      by (apply Rmult_lt_0_compat; lra).
    replace ((hamiltonian g eta u (- (d / 2)) - 0) / - (d / 2) * (d / 2)) with
      (- hamiltonian g eta u (- (d / 2))) in U by (field; lra). lra. }
  destruct near as (a & A & Ha).
  set (w := g + (u - eta)). assert (W : 0 < w) by (unfold w; lra).
  set (k := Rabs u + ln 2 + Rabs (ln (cosh u))).
  set (b := a - (k + 1) / w).
  assert (K : 0 <= k).
  { assert (0 < ln 2) by (rewrite <- ln_1; apply ln_increasing; lra).
    unfold k. generalize (Rabs_pos u) (Rabs_pos (ln (cosh u))). lra. }
  assert (R : 0 < (k + 1) / w) by (apply Rdiv_lt_0_compat; lra).
  assert (Hb : 0 < hamiltonian g eta u b).
  { unfold hamiltonian, Rdiv. rewrite ln_mult, ln_Rinv by (try apply Rinv_0_lt_compat; apply cosh_gt0).
    generalize (log_cosh_ge (b * g + u)) (Rle_abs u) (Rle_abs (ln (cosh u))). intros C1 C2 C3.
    assert (E : - b * w = - a * w + (k + 1)) by (unfold b; field; lra).
    assert (0 < - a * w) by (apply Rmult_lt_0_compat; lra).
    assert (E2 : - (b * g + u) - b * (u - eta) = - b * w - u) by (unfold w; ring).
    unfold k in E. lra. }
  destruct (zero_down _ _ (hamiltonian_derive g eta u) b a ltac:(unfold b; lra) Hb Ha) as (p & I & Z).
  exists p. split; [lra | auto].
Qed.

Lemma barrier_root : forall g eta u, 0 < g -> Rabs (u - eta) < g -> F g 1 eta u <> 0 ->
  exists p, p * F g 1 eta u < 0 /\ forall q, hamiltonian g eta u q = 0 <-> q = 0 \/ q = p.
Proof.
  intros g eta u G L N. apply Rabs_def2 in L.
  assert (root : exists p, p * F g 1 eta u < 0 /\ hamiltonian g eta u p = 0).
  { destruct (Rtotal_order (F g 1 eta u) 0) as [S | [S | S]]; [| tauto |].
    - destruct (root_left_of_zero g (- eta) (- u)) as (p & P & Z); auto;
        [lra | rewrite F_odd, Ropp_involutive; lra |].
      exists (- p). split; [nra |]. rewrite hamiltonian_reflect, Ropp_involutive. exact Z.
    - destruct (root_left_of_zero g eta u) as (p & P & Z); auto; [lra |].
      exists p. split; [nra | exact Z]. }
  destruct root as (p & P & Z). exists p. split; auto.
  assert (Pn : p <> 0) by (intros ->; lra).
  intros q. split; [| intros [-> | ->]; [apply hamiltonian_zero | exact Z]].
  intros Q. destruct (Req_dec q 0) as [| Q0]; auto. destruct (Req_dec q p) as [| Qp]; auto. exfalso.
  assert (H0 := hamiltonian_zero g eta u).
  assert (no := two_zeros_at_most g eta u).
  assert (no2 : forall x y z, x < y -> y <> z -> x <> z -> hamiltonian g eta u x = 0 ->
    hamiltonian g eta u y = 0 -> hamiltonian g eta u z = 0 -> False).
  { intros x y z L1 N1 N2 X Y W. destruct (Rtotal_order y z) as [A | [A | A]]; [| tauto |].
    - exact (no x y z G L1 A X Y W).
    - destruct (Rtotal_order x z) as [B | [B | B]]; [| tauto |].
      + exact (no x z y G B A X W Y).
      + exact (no z x y G B L1 W X Y). }
  destruct (Rtotal_order q p) as [A | [A | A]]; [| tauto |].
  - exact (no2 q p 0 A Pn Q0 Q Z H0).
  - exact (no2 p q 0 A Q0 Pn Z Q H0).
Qed.

Lemma barrier_equilibrium : forall g eta u, 0 < g -> F g 1 eta u = 0 ->
  forall q, hamiltonian g eta u q = 0 <-> q = 0.
Proof.
  intros g eta u G E q. split; [| intros ->; apply hamiltonian_zero]. intros Q.
  assert (S0 : g * tanh (0 * g + u) - (u - eta) = 0).
  { transitivity (F g 1 eta u); [unfold F; rewrite Rmult_0_l, Rplus_0_l; ring | exact E]. }
  destruct (Rtotal_order q 0) as [L | [L | L]]; auto; exfalso.
  - destruct (mvt _ _ (hamiltonian_derive g eta u) q 0 L) as (x & X & I).
    generalize (slope_increasing g eta u x 0 G ltac:(lra)). rewrite Q, hamiltonian_zero in X. nra.
  - destruct (mvt _ _ (hamiltonian_derive g eta u) 0 q L) as (x & X & I).
    generalize (slope_increasing g eta u 0 x G ltac:(lra)). rewrite Q, hamiltonian_zero in X. nra.
Qed.
