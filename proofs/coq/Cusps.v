(* The cusp: nondegeneracy, the cubic normal form, and how it bounds the exact field. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics Equilibria Folds.
Open Scope R_scope.

Lemma cusp_unique : forall k lam eta u, 0 < lam ->
  (F k lam eta u = 0 /\ Derive (F k lam eta) u = 0 /\ Derive_n (F k lam eta) 2 u = 0) <->
  (k = lam /\ eta = 0 /\ u = 0).
Proof.
  intros k lam eta u Hl. split.
  - intros (A & B & C).
    destruct (Req_dec u 0) as [-> | N].
    + destruct (proj1 (fold_curve k lam eta 0) (conj A B)) as [-> ->].
      rewrite sinh_0, cosh_0. repeat split; ring.
    + exfalso. now apply (fold_nondegenerate k lam eta u Hl A B N).
  - intros (-> & -> & ->). rewrite Derive2_F, Derive_F, F_zero, F1_zero.
    unfold F2. rewrite tanh_zero. repeat split; ring.
Qed.

Lemma cusp_nondegenerate : forall lam, 0 < lam ->
  Derive_n (F lam lam 0) 3 0 < 0 /\
  Derive (fun e => F lam lam e 0) 0 * Derive (fun k => Derive (F k lam 0) 0) lam -
  Derive (fun k => F k lam 0 0) lam * Derive (fun e => Derive (F lam lam e) 0) 0 = 1.
Proof.
  intros lam Hl. rewrite Derive3_F, Derive_F_eta, Derive_F1_gain, Derive_F_gain, Derive_F1_eta.
  unfold F3. rewrite tanh_zero. split; lra.
Qed.

(** ** The cubic *)
Lemma cubic_derive k mu eta u : is_derive (cubic k mu eta) u (mu - k * u ^ 2).
Proof. unfold cubic. auto_derive; auto. field. Qed.

Lemma cubic_odd k mu eta u : cubic k mu eta (- u) = - cubic k mu (- eta) u.
Proof. unfold cubic. field. Qed.

Lemma cubic_left k mu eta p : 0 < k -> exists x, x < p /\ 0 < cubic k mu eta x.
Proof.
  intros H. set (X := 1 + Rabs p + 3 * (Rabs mu + Rabs eta) / k). exists (- X).
  generalize (Rabs_pos p) (Rabs_pos mu) (Rabs_pos eta). intros A B C.
  assert (Q : 0 <= 3 * (Rabs mu + Rabs eta) / k).
  { apply Rmult_le_pos; [lra |]. left. now apply Rinv_0_lt_compat. }
  split; [unfold X; generalize (Rabs_maj2 p); lra |].
  assert (E : k / 3 * X = k / 3 * (1 + Rabs p) + (Rabs mu + Rabs eta)) by (unfold X; field; lra).
  assert (X1 : 1 <= X) by (unfold X; lra).
  unfold cubic. replace ((- X) ^ 3) with (- (X * X * X)) by ring.
  assert (E2 : Rabs mu + Rabs eta < k / 3 * X) by nra.
  assert (E3 : (Rabs mu + Rabs eta) * X < k / 3 * (X * X)) by nra.
  assert (E4 : k / 3 * (X * X) <= k / 3 * (X * X * X)) by (apply Rmult_le_compat_l; nra).
  generalize (Rabs_maj2 eta) (Rle_abs mu). nra.
Qed.

Lemma cubic_right k mu eta p : 0 < k -> exists x, p < x /\ cubic k mu eta x < 0.
Proof.
  intros H. destruct (cubic_left k mu (- eta) (- p) H) as (x & L & P).
  exists (- x). rewrite cubic_odd. split; lra.
Qed.

Lemma cubic_count_flat k mu eta : 0 < k -> mu <= 0 -> has_zeros 1 (cubic k mu eta).
Proof.
  intros Hk Hm.
  assert (D : forall a b, a < b -> cubic k mu eta b < cubic k mu eta a).
  { intros a b L. unfold cubic.
    assert (0 < b ^ 3 - a ^ 3).
    { replace (b ^ 3 - a ^ 3) with ((b - a) * ((a + b / 2) ^ 2 + 3 / 4 * b ^ 2)) by field.
      apply Rmult_lt_0_compat; [lra |].
      destruct (Req_dec b 0) as [-> | N]; [nra |].
      generalize (pow2_gt_0 b N) (pow2_ge_0 (a + b / 2)). lra. }
    nra. }
  destruct (single _ _ (cubic_derive k mu eta) D) as (c & Z).
  - destruct (cubic_left k mu eta 0 Hk) as (x & _ & P). now exists x.
  - destruct (cubic_right k mu eta 0 Hk) as (x & _ & P). now exists x.
  - now apply (count_one _ c).
Qed.

Section Steep.
Variables k mu eta : R.
Hypothesis Hk : 0 < k.
Hypothesis Hm : 0 < mu.
Let w := sqrt (mu / k).

Local Lemma w_pos : 0 < w.
Proof. apply sqrt_lt_R0, Rdiv_lt_0_compat; auto. Qed.

Local Lemma w_sq : k * w ^ 2 = mu.
Proof.
  unfold w. rewrite <- Rsqr_pow2, Rsqr_sqrt; [field; lra |].
  left. apply Rdiv_lt_0_compat; auto.
Qed.

Lemma cubic_count_steep :
  (has_zeros 3 (cubic k mu eta) <-> Rabs eta < 2 / 3 * mu * w) /\
  (has_zeros 2 (cubic k mu eta) <-> Rabs eta = 2 / 3 * mu * w) /\
  (has_zeros 1 (cubic k mu eta) <-> 2 / 3 * mu * w < Rabs eta).
Proof.
  generalize w_pos w_sq. intros P Q.
  apply (count_by_turning_values _ _ (cubic_derive k mu eta) (- w) w); try lra.
  - intros x L. rewrite <- Q. assert (w ^ 2 < x ^ 2) by nra. nra.
  - intros x L. rewrite <- Q. assert (x ^ 2 < w ^ 2) by nra. nra.
  - intros x L. rewrite <- Q. assert (w ^ 2 < x ^ 2) by nra. nra.
  - now apply cubic_left.
  - now apply cubic_right.
  - unfold cubic. rewrite <- Q. field.
  - unfold cubic. rewrite <- Q. field.
Qed.

Lemma cubic_disc : 4 * mu ^ 3 - 9 * k * eta ^ 2 = 9 * k * ((2 / 3 * mu * w) ^ 2 - Rabs eta ^ 2).
Proof. rewrite pow2_abs. generalize w_sq. intros Q. rewrite <- Q. field. Qed.

Lemma cubic_disc_sign :
  (0 < 4 * mu ^ 3 - 9 * k * eta ^ 2 <-> Rabs eta < 2 / 3 * mu * w) /\
  (4 * mu ^ 3 - 9 * k * eta ^ 2 = 0 <-> Rabs eta = 2 / 3 * mu * w) /\
  (4 * mu ^ 3 - 9 * k * eta ^ 2 < 0 <-> 2 / 3 * mu * w < Rabs eta).
Proof.
  rewrite cubic_disc. generalize w_pos (Rabs_pos eta). intros P A.
  assert (W : 0 < 2 / 3 * mu * w) by (apply Rmult_lt_0_compat; nra). revert W A.
  generalize (2 / 3 * mu * w) (Rabs eta). intros x y X Y.
  assert (T : forall a b, 0 <= a -> 0 <= b -> a < b -> 0 < 9 * k * (b ^ 2 - a ^ 2)).
  { intros a b A B L. apply Rmult_lt_0_compat; [lra | nra]. }
  destruct (Rtotal_order x y) as [L | [L | L]].
  - generalize (T x y ltac:(lra) Y L). repeat split; intros; lra.
  - subst. repeat split; intros; lra.
  - generalize (T y x Y ltac:(lra) L). repeat split; intros; lra.
Qed.
End Steep.

Lemma cubic_flat_disc k mu eta : 0 < k -> mu <= 0 ->
  4 * mu ^ 3 - 9 * k * eta ^ 2 <= 0 /\ (4 * mu ^ 3 - 9 * k * eta ^ 2 = 0 -> mu = 0 /\ eta = 0).
Proof.
  intros Hk Hm. assert (M : 0 <= (- mu) ^ 3) by (apply pow_le; lra).
  assert (E : 4 * mu ^ 3 = - (4 * (- mu) ^ 3)) by ring. rewrite E.
  generalize (pow2_ge_0 eta). intros Q. split; [nra |].
  intros Z. assert (A : (- mu) ^ 3 = 0) by nra. assert (B : eta ^ 2 = 0) by nra.
  split.
  - destruct Hm as [Hm | Hm]; auto. generalize (pow_lt (- mu) 3). lra.
  - destruct (Req_dec eta 0) as [|N]; auto. generalize (pow2_gt_0 eta N). lra.
Qed.

Lemma flat_only_one k mu eta n : 0 < k -> mu <= 0 -> has_zeros n (cubic k mu eta) -> n = 1%nat.
Proof. intros Hk Hm H. exact (count_unique _ _ _ H (cubic_count_flat k mu eta Hk Hm)). Qed.

Lemma cubic_three : forall k mu eta, 0 < k ->
  (has_zeros 3 (cubic k mu eta) <-> 0 < 4 * mu ^ 3 - 9 * k * eta ^ 2).
Proof.
  intros k mu eta Hk. destruct (Rle_or_lt mu 0) as [Hm | Hm].
  - split; intros H.
    + apply flat_only_one in H; auto. discriminate.
    + generalize (cubic_flat_disc k mu eta Hk Hm). lra.
  - generalize (cubic_count_steep k mu eta Hk Hm) (cubic_disc_sign k mu eta Hk Hm). tauto.
Qed.

Lemma cubic_two : forall k mu eta, 0 < k ->
  (has_zeros 2 (cubic k mu eta) <-> 4 * mu ^ 3 - 9 * k * eta ^ 2 = 0 /\ mu <> 0).
Proof.
  intros k mu eta Hk. destruct (Rle_or_lt mu 0) as [Hm | Hm].
  - split; intros H.
    + apply flat_only_one in H; auto. discriminate.
    + generalize (cubic_flat_disc k mu eta Hk Hm). tauto.
  - assert (mu <> 0) by lra.
    generalize (cubic_count_steep k mu eta Hk Hm) (cubic_disc_sign k mu eta Hk Hm). tauto.
Qed.

Lemma cubic_one : forall k mu eta, 0 < k ->
  (has_zeros 1 (cubic k mu eta) <-> 4 * mu ^ 3 - 9 * k * eta ^ 2 < 0 \/ (mu = 0 /\ eta = 0)).
Proof.
  intros k mu eta Hk. destruct (Rle_or_lt mu 0) as [Hm | Hm].
  - split; intros H; [| now apply cubic_count_flat].
    generalize (cubic_flat_disc k mu eta Hk Hm). intros [[L | E] Z]; auto.
  - assert (~ (mu = 0 /\ eta = 0)) by lra.
    generalize (cubic_count_steep k mu eta Hk Hm) (cubic_disc_sign k mu eta Hk Hm). tauto.
Qed.

(** ** Distance between F and the cubic *)
Lemma tanh_le x : 0 <= x -> tanh x <= x.
Proof.
  intros H. apply Rminus_le_0. replace 0 with (0 - tanh 0) by (rewrite tanh_zero; ring).
  apply (above_from_zero (fun x => x - tanh x) (fun x => tanh x ^ 2)); auto.
  - intros y. auto_derive; [repeat split; apply ex_derive_tanh |]. rewrite Derive_tanh. ring.
  - intros y _. apply pow2_ge_0.
Qed.

Lemma tanh_ge0 x : 0 <= x -> 0 <= tanh x.
Proof. intros [H | <-]; [left; now apply tanh_gt0 | rewrite tanh_zero; lra]. Qed.

Lemma tanh_cubic_low x : 0 <= x -> x - x ^ 3 / 3 <= tanh x.
Proof.
  intros H. apply Rminus_le_0.
  replace 0 with (tanh 0 - (0 - 0 ^ 3 / 3)) by (rewrite tanh_zero; field).
  apply (above_from_zero (fun x => tanh x - (x - x ^ 3 / 3)) (fun x => x ^ 2 - tanh x ^ 2)); auto.
  - intros y. auto_derive; [repeat split; apply ex_derive_tanh |]. rewrite Derive_tanh. field.
  - intros y P. generalize (tanh_le y ltac:(lra)) (tanh_ge0 y ltac:(lra)). nra.
Qed.

Lemma tanh_quintic_high x : 0 <= x -> tanh x <= x - x ^ 3 / 3 + 2 / 15 * x ^ 5.
Proof.
  intros H. apply Rminus_le_0.
  replace 0 with ((0 - 0 ^ 3 / 3 + 2 / 15 * 0 ^ 5) - tanh 0) by (rewrite tanh_zero; field).
  apply (above_from_zero (fun x => (x - x ^ 3 / 3 + 2 / 15 * x ^ 5) - tanh x)
    (fun x => 2 / 3 * x ^ 4 - x ^ 2 + tanh x ^ 2)); auto.
  - intros y. auto_derive; [repeat split; apply ex_derive_tanh |]. rewrite Derive_tanh. field.
  - intros y P. destruct (Rle_or_lt 3 (y ^ 2)) as [L | L].
    + generalize (pow2_ge_0 (tanh y)). replace (y ^ 4) with (y ^ 2 * y ^ 2) by ring. nra.
    + generalize (tanh_cubic_low y ltac:(lra)). intros T.
      assert (0 <= y - y ^ 3 / 3) by (replace (y - y ^ 3 / 3) with (y * (1 - y ^ 2 / 3)) by field; nra).
      assert ((y - y ^ 3 / 3) ^ 2 <= tanh y ^ 2) by (apply pow_incr; lra).
      assert (0 <= y ^ 6) by (apply pow_le; lra).
      replace ((y - y ^ 3 / 3) ^ 2) with (y ^ 2 - 2 / 3 * y ^ 4 + y ^ 6 / 9) in * by field. lra.
Qed.

Lemma cubic_remainder : forall k lam eta u, 0 < k ->
  Rabs (F k lam eta u - cubic k (k - lam) eta u) <= 2 / 15 * k * Rabs u ^ 5.
Proof.
  intros k lam eta u Hk.
  assert (pos : forall x, 0 <= x -> Rabs (tanh x - x + x ^ 3 / 3) <= 2 / 15 * x ^ 5).
  { intros x H. generalize (tanh_cubic_low x H) (tanh_quintic_high x H). intros A B.
    rewrite Rabs_pos_eq; lra. }
  assert (all : Rabs (tanh u - u + u ^ 3 / 3) <= 2 / 15 * Rabs u ^ 5).
  { destruct (Rle_or_lt 0 u) as [H | H].
    - rewrite (Rabs_pos_eq u) by auto. now apply pos.
    - rewrite (Rabs_left u) by auto. rewrite <- Rabs_Ropp.
      replace (- (tanh u - u + u ^ 3 / 3)) with (tanh (- u) - (- u) + (- u) ^ 3 / 3)
        by (rewrite tanh_odd; field).
      apply pos. lra. }
  replace (F k lam eta u - cubic k (k - lam) eta u) with (k * (tanh u - u + u ^ 3 / 3))
    by (unfold F, cubic; field).
  rewrite Rabs_mult, (Rabs_pos_eq k) by lra. nra.
Qed.

(** ** The cubic's bistable set lies inside the exact one, a wider one outside *)
Lemma cusp_inner : forall k lam eta, 0 < lam -> lam < k ->
  9 * k * eta ^ 2 <= 4 * (k - lam) ^ 3 -> Rabs eta < eta_fold k lam.
Proof.
  intros k lam eta Hl Hk H.
  generalize (eta_fold_sq_low k lam Hl Hk) (eta_fold_pos k lam Hl Hk) (Rabs_pos eta).
  intros A P Q. rewrite <- pow2_abs in H.
  destruct (Rlt_or_le (Rabs eta) (eta_fold k lam)) as [L | L]; auto. exfalso.
  assert (eta_fold k lam ^ 2 <= Rabs eta ^ 2) by (apply pow_incr; lra). nra.
Qed.

Lemma cusp_outer : forall k lam eta, 0 < lam -> lam < k ->
  4 * (k - lam) ^ 3 <= 9 * lam * eta ^ 2 -> eta_fold k lam < Rabs eta.
Proof.
  intros k lam eta Hl Hk H.
  generalize (eta_fold_sq_high k lam Hl Hk) (eta_fold_pos k lam Hl Hk) (Rabs_pos eta).
  intros A P Q. rewrite <- pow2_abs in H.
  destruct (Rlt_or_le (eta_fold k lam) (Rabs eta)) as [L | L]; auto. exfalso.
  assert (Rabs eta ^ 2 <= eta_fold k lam ^ 2) by (apply pow_incr; lra). nra.
Qed.

(** ** The constant 2/15 cannot be lowered *)
Lemma tanh_septic_low x : 0 <= x <= 1 -> x - x ^ 3 / 3 + 2 / 15 * x ^ 5 - 17 / 315 * x ^ 7 <= tanh x.
Proof.
  intros [H H1]. destruct H as [H | <-]; [| rewrite tanh_zero; right; field].
  destruct (MVT_cor2 (fun x => tanh x - (x - x ^ 3 / 3 + 2 / 15 * x ^ 5 - 17 / 315 * x ^ 7))
    (fun x => x ^ 2 - 2 / 3 * x ^ 4 + 17 / 45 * x ^ 6 - tanh x ^ 2) 0 x H) as (y & E & I).
  { intros y _. apply is_derive_Reals.
    auto_derive; [repeat split; apply ex_derive_tanh |]. rewrite Derive_tanh. field. }
  rewrite tanh_zero in E.
  generalize (tanh_quintic_high y ltac:(lra)) (tanh_ge0 y ltac:(lra)). intros T P.
  assert (Q : tanh y ^ 2 <= (y - y ^ 3 / 3 + 2 / 15 * y ^ 5) ^ 2) by (apply pow_incr; lra).
  assert (R : 0 <= y ^ 8 * (4 / 45 - 4 / 225 * y ^ 2)).
  { apply Rmult_le_pos; [apply pow_le; lra | nra]. }
  assert (S : 0 <= (y ^ 2 - 2 / 3 * y ^ 4 + 17 / 45 * y ^ 6 - tanh y ^ 2) * x).
  { apply Rmult_le_pos; [| lra].
    replace ((y - y ^ 3 / 3 + 2 / 15 * y ^ 5) ^ 2) with
      (y ^ 2 - 2 / 3 * y ^ 4 + 17 / 45 * y ^ 6 - y ^ 8 * (4 / 45 - 4 / 225 * y ^ 2)) in Q by field.
    lra. }
  replace (0 - (0 - 0 ^ 3 / 3 + 2 / 15 * 0 ^ 5 - 17 / 315 * 0 ^ 7)) with 0 in E by field. lra.
Qed.

Lemma cubic_sharp : forall k lam eta c, 0 < k ->
  (forall u, Rabs (F k lam eta u - cubic k (k - lam) eta u) <= c * k * Rabs u ^ 5) -> 2 / 15 <= c.
Proof.
  intros k lam eta c Hk H. destruct (Rle_or_lt (2 / 15) c) as [L | L]; auto. exfalso.
  assert (key : forall u, 0 < u <= 1 -> 2 / 15 - 17 / 315 * u ^ 2 <= c).
  { intros u I. generalize (H u) (tanh_septic_low u ltac:(lra)).
    replace (F k lam eta u - cubic k (k - lam) eta u) with (k * (tanh u - u + u ^ 3 / 3))
      by (unfold F, cubic; field).
    rewrite (Rabs_pos_eq u) by lra. intros B T.
    generalize (Rle_abs (k * (tanh u - u + u ^ 3 / 3))). intros A.
    assert (P : 0 < u ^ 5) by (apply pow_lt; lra).
    apply (Rmult_le_reg_r (k * u ^ 5)); [now apply Rmult_lt_0_compat |].
    assert (K : k * (2 / 15 * u ^ 5 - 17 / 315 * u ^ 7) <= k * (tanh u - u + u ^ 3 / 3))
      by (apply Rmult_le_compat_l; lra).
    replace ((2 / 15 - 17 / 315 * u ^ 2) * (k * u ^ 5)) with (k * (2 / 15 * u ^ 5 - 17 / 315 * u ^ 7)) by ring.
    lra. }
  set (d := 2 / 15 - c). assert (D : 0 < d) by (unfold d; lra).
  set (u := Rmin 1 d). assert (U1 : u <= 1) by apply Rmin_l. assert (U2 : u <= d) by apply Rmin_r.
  assert (U0 : 0 < u) by (apply Rmin_glb_lt; lra).
  generalize (key u ltac:(lra)). assert (u ^ 2 <= d) by nra. unfold d in *. lra.
Qed.
