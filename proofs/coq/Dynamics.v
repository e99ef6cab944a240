(* The reduced field F of two experts: derivatives, monotonicity, potential, global stability. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting.
Open Scope R_scope.

(** ** Derivatives of F *)
Definition F1 (k lam u : R) : R := k * (1 - tanh u ^ 2) - lam.
Definition F2 (k u : R) : R := - 2 * k * (tanh u - tanh u ^ 3).
Definition F3 (k u : R) : R := - 2 * k * (1 - 3 * tanh u ^ 2) * (1 - tanh u ^ 2).

Lemma ex_derive_tanh x : ex_derive tanh x.
Proof. eexists. apply is_derive_tanh. Qed.

Lemma Derive_tanh x : Derive tanh x = 1 - tanh x ^ 2.
Proof. apply is_derive_unique, is_derive_tanh. Qed.

Lemma F_derive k lam eta u : is_derive (F k lam eta) u (F1 k lam u).
Proof.
  unfold F, F1. auto_derive; [repeat split; apply ex_derive_tanh |].
  rewrite Derive_tanh. ring.
Qed.

Lemma F1_derive k lam u : is_derive (F1 k lam) u (F2 k u).
Proof.
  unfold F1, F2. auto_derive; [repeat split; apply ex_derive_tanh |].
  rewrite Derive_tanh. ring.
Qed.

Lemma F2_derive k u : is_derive (F2 k) u (F3 k u).
Proof.
  unfold F2, F3. auto_derive; [repeat split; apply ex_derive_tanh |].
  rewrite Derive_tanh. ring.
Qed.

Lemma Derive_F k lam eta u : Derive (F k lam eta) u = F1 k lam u.
Proof. apply is_derive_unique, F_derive. Qed.

Lemma Derive2_F k lam eta u : Derive_n (F k lam eta) 2 u = F2 k u.
Proof.
  change (Derive (Derive (F k lam eta)) u = F2 k u).
  rewrite (Derive_ext _ _ u (Derive_F k lam eta)).
  apply is_derive_unique, F1_derive.
Qed.

Lemma Derive3_F k lam eta u : Derive_n (F k lam eta) 3 u = F3 k u.
Proof.
  change (Derive (Derive_n (F k lam eta) 2) u = F3 k u).
  rewrite (Derive_ext _ _ u (Derive2_F k lam eta)).
  apply is_derive_unique, F2_derive.
Qed.

Lemma field_derivatives : forall k lam eta u,
  is_derive (F k lam eta) u (k * (1 - tanh u ^ 2) - lam) /\
  is_derive (Derive (F k lam eta)) u (- 2 * k * (tanh u - tanh u ^ 3)) /\
  is_derive (Derive_n (F k lam eta) 2) u (- 2 * k * (1 - 3 * tanh u ^ 2) * (1 - tanh u ^ 2)).
Proof.
  intros k lam eta u. split; [apply F_derive | split].
  - apply (is_derive_ext (F1 k lam)); [intros; symmetry; apply Derive_F | apply F1_derive].
  - apply (is_derive_ext (F2 k)); [intros; symmetry; apply Derive2_F | apply F2_derive].
Qed.

Lemma Derive_F_gain lam eta u k : Derive (fun k' => F k' lam eta u) k = tanh u.
Proof. apply is_derive_unique. unfold F. auto_derive; auto. ring. Qed.

Lemma Derive_F_eta k lam u eta : Derive (fun e => F k lam e u) eta = 1.
Proof. apply is_derive_unique. unfold F. auto_derive; auto. Qed.

Lemma Derive_F1_gain lam eta u k : Derive (fun k' => Derive (F k' lam eta) u) k = 1 - tanh u ^ 2.
Proof.
  rewrite (Derive_ext _ (fun k' => F1 k' lam u) k); [| intros; apply Derive_F].
  apply is_derive_unique. unfold F1. auto_derive; auto. ring.
Qed.

Lemma Derive_F1_eta k lam u eta : Derive (fun e => Derive (F k lam e) u) eta = 0.
Proof.
  rewrite (Derive_ext _ (fun e => F1 k lam u) eta); [| intros; apply Derive_F].
  apply Derive_const.
Qed.

Lemma F1_cosh k lam u : F1 k lam u * cosh u ^ 2 = k - lam * cosh u ^ 2.
Proof.
  unfold F1. rewrite tanh_sq. field. generalize (cosh_gt0 u); lra.
Qed.

(** ** Size of F: it points inwards far out *)
Lemma F_left k lam eta p : 0 < lam -> exists x, x < p /\ 0 < F k lam eta x.
Proof.
  intros H. exists (- ((Rabs k + Rabs eta) / lam + Rabs p + 1)).
  set (x := - _).
  assert (E : - lam * x = Rabs k + Rabs eta + lam * (Rabs p + 1)) by (unfold x; field; lra).
  assert (0 <= (Rabs k + Rabs eta) / lam).
  { apply Rmult_le_pos; [generalize (Rabs_pos k) (Rabs_pos eta); lra |].
    left. now apply Rinv_0_lt_compat. }
  split.
  - unfold x. generalize (Rabs_maj2 p). lra.
  - unfold F. generalize (tanh_lt1 x) (Rabs_maj2 eta) (Rle_abs k) (Rabs_maj2 k) (Rabs_pos p).
    intros T A B C P. assert (- Rabs k <= k * tanh x) by nra. nra.
Qed.

Lemma F_odd k lam eta u : F k lam eta (- u) = - F k lam (- eta) u.
Proof. unfold F. rewrite tanh_odd. ring. Qed.

Lemma F_right k lam eta q : 0 < lam -> exists x, q < x /\ F k lam eta x < 0.
Proof.
  intros H. destruct (F_left k lam (- eta) (- q) H) as (x & L & P).
  exists (- x). split; [lra |]. rewrite F_odd. lra.
Qed.

(** ** At or below the critical feedback F decreases *)
Lemma F1_below k lam u : 0 < lam -> k <= lam -> u <> 0 -> F1 k lam u < 0.
Proof.
  intros Hl Hk Hu. generalize (F1_cosh k lam u) (cosh_gt0 u) (cosh_sq u). intros E P S.
  assert (0 < sinh u ^ 2) by (apply pow2_gt_0; now rewrite sinh_zero_iff). nra.
Qed.

Lemma F_decreasing k lam eta : 0 < lam -> k <= lam ->
  forall a b, a < b -> F k lam eta b < F k lam eta a.
Proof.
  intros Hl Hk.
  assert (pos : forall a b, (0 <= a \/ b <= 0) -> a < b -> F k lam eta b < F k lam eta a).
  { intros a b S L. apply (decreasing_on _ _ (F_derive k lam eta)); auto.
    intros x I. apply F1_below; auto. lra. }
  intros a b L.
  destruct (Rle_or_lt 0 a) as [A | A]; [apply pos; auto |].
  destruct (Rle_or_lt b 0) as [B | B]; [apply pos; auto |].
  generalize (pos a 0 ltac:(lra) A) (pos 0 b ltac:(lra) B). lra.
Qed.

Lemma unique_equilibrium k lam eta : 0 < lam -> k <= lam ->
  exists c, forall u, F k lam eta u = 0 <-> u = c.
Proof.
  intros Hl Hk. apply (single _ _ (F_derive k lam eta)).
  - now apply F_decreasing.
  - destruct (F_left k lam eta 0 Hl) as (x & _ & P). now exists x.
  - destruct (F_right k lam eta 0 Hl) as (x & _ & P). now exists x.
Qed.

Lemma zeros_below : forall k lam eta, 0 < lam -> k <= lam -> has_zeros 1 (F k lam eta).
Proof.
  intros k lam eta Hl Hk. destruct (unique_equilibrium k lam eta Hl Hk) as (c & H).
  now apply (count_one _ c).
Qed.

(** ** Potential *)
Lemma V_derive k lam eta u : is_derive (V k lam eta) u (- F k lam eta u).
Proof.
  unfold V, F. auto_derive.
  - apply cosh_gt0.
  - unfold tanh. field. generalize (cosh_gt0 u); lra.
Qed.

Lemma V_flow : forall k lam eta (u : R -> R) t, is_derive u t (F k lam eta (u t)) ->
  is_derive (fun s => V k lam eta (u s)) t (- F k lam eta (u t) ^ 2).
Proof.
  intros k lam eta u t H. evar_last.
  { apply (is_derive_comp (V k lam eta) u t); [apply V_derive | exact H]. }
  unfold scal; simpl; unfold mult; simpl. ring.
Qed.

(** ** Global stability at or below the critical feedback *)
Lemma inward : forall k lam eta c u, 0 < lam -> k <= lam -> F k lam eta c = 0 -> u <> c ->
  (u - c) * F k lam eta u < 0.
Proof.
  intros k lam eta c u Hl Hk E N.
  destruct (Rtotal_order u c) as [L | [L | L]]; [| tauto |];
  generalize (F_decreasing k lam eta Hl Hk _ _ L); nra.
Qed.

Section Trajectory.
Variables (k lam eta c : R) (u : R -> R).
Hypothesis Hl : 0 < lam.
Hypothesis Hk : k <= lam.
Hypothesis Hc : F k lam eta c = 0.
Hypothesis ode : forall t, 0 <= t -> is_derive u t (F k lam eta (u t)).

Let y t := (u t - c) ^ 2.

Local Lemma y_derive t : 0 <= t -> is_derive y t (2 * ((u t - c) * F k lam eta (u t))).
Proof.
  intros H. unfold y. evar_last.
  { apply (is_derive_comp (fun x => (x - c) ^ 2) u t); [| now apply ode].
    instantiate (1 := 2 * (u t - c)). auto_derive; auto. ring. }
  unfold scal; simpl; unfold mult; simpl. ring.
Qed.

Local Lemma y_mvt a b : 0 <= a -> a < b ->
  exists s, y b - y a = 2 * ((u s - c) * F k lam eta (u s)) * (b - a) /\ a < s < b.
Proof.
  intros A L. apply (MVT_cor2 y (fun s => 2 * ((u s - c) * F k lam eta (u s)))); auto.
  intros s I. apply is_derive_Reals, y_derive. lra.
Qed.

Local Lemma y_decreases a b : 0 <= a -> a <= b -> y b <= y a.
Proof.
  intros A [L | <-]; [| lra]. destruct (y_mvt a b A L) as (s & E & I).
  destruct (Req_dec (u s) c) as [Q | Q].
  - rewrite Q in E. replace (c - c) with 0 in E by ring. lra.
  - generalize (inward k lam eta c (u s) Hl Hk Hc Q). nra.
Qed.

(* Outside the interval (c - e, c + e) the squared distance falls at a fixed rate. *)
Local Lemma rate e : 0 < e -> exists r, 0 < r /\
  forall x, e <= Rabs (x - c) -> 2 * ((x - c) * F k lam eta x) <= - r.
Proof.
  intros He.
  generalize (F_decreasing k lam eta Hl Hk c (c + e) ltac:(lra))
             (F_decreasing k lam eta Hl Hk (c - e) c ltac:(lra)).
  rewrite Hc. intros B A. set (m := Rmin (F k lam eta (c - e)) (- F k lam eta (c + e))).
  assert (0 < m) by (apply Rmin_glb_lt; lra).
  assert (M1 : m <= F k lam eta (c - e)) by apply Rmin_l.
  assert (M2 : m <= - F k lam eta (c + e)) by apply Rmin_r.
  exists (2 * (e * m)). split; [nra |].
  assert (W : forall a b, a <= b -> F k lam eta b <= F k lam eta a).
  { intros a b [L | <-]; [left; now apply F_decreasing | lra]. }
  intros x. unfold Rabs. destruct (Rcase_abs (x - c)) as [S | S]; intros G.
  - generalize (W x (c - e) ltac:(lra)). nra.
  - generalize (W (c + e) x ltac:(lra)). nra.
Qed.

Lemma trajectory_converges : is_lim u p_infty c.
Proof.
  apply is_lim_spec. intros [e He]. simpl.
  destruct (rate e He) as (r & Hr & R).
  set (T := (y 0 + 1) / r).
  assert (Y0 : 0 <= y 0) by apply pow2_ge_0.
  assert (HT : 0 < T) by (apply Rdiv_lt_0_compat; lra).
  exists T. intros t Ht.
  destruct (Rlt_or_le (Rabs (u t - c)) e) as [G | G]; auto. exfalso.
  assert (far : forall s, 0 <= s -> s <= t -> e <= Rabs (u s - c)).
  { intros s S1 S2. generalize (y_decreases s t S1 S2). unfold y. intros Q.
    rewrite <- (pow2_abs (u t - c)), <- (pow2_abs (u s - c)) in Q.
    generalize (Rabs_pos (u s - c)). nra. }
  destruct (y_mvt 0 t ltac:(lra) ltac:(lra)) as (s & E & I).
  generalize (R (u s) (far s ltac:(lra) ltac:(lra))). intros Q.
  assert (0 <= y t) by apply pow2_ge_0.
  assert (T * r = y 0 + 1) by (unfold T; field; lra). nra.
Qed.
End Trajectory.

Lemma global_stability : forall k lam eta c (u : R -> R), 0 < lam -> k <= lam ->
  F k lam eta c = 0 -> (forall t, 0 <= t -> is_derive u t (F k lam eta (u t))) ->
  is_lim u p_infty c.
Proof. intros. now apply (trajectory_converges k lam eta). Qed.

(** ** Rate of convergence below the critical feedback *)
Lemma tanh_lipschitz a b : (tanh b - tanh a) * (b - a) <= (b - a) ^ 2.
Proof.
  assert (H : forall x y, x < y -> tanh y - tanh x <= y - x).
  { intros x y L. destruct (MVT_cor2 tanh (fun z => 1 - tanh z ^ 2) x y L) as (z & E & _).
    { intros z _. apply is_derive_Reals, is_derive_tanh. }
    rewrite E. generalize (pow2_ge_0 (tanh z)). nra. }
  destruct (Rtotal_order a b) as [L | [-> | L]]; [| lra |].
  - generalize (H a b L). nra.
  - generalize (H b a L). nra.
Qed.

Lemma convergence_rate : forall k lam eta c (u : R -> R), 0 <= k < lam ->
  F k lam eta c = 0 -> (forall t, 0 <= t -> is_derive u t (F k lam eta (u t))) ->
  forall t, 0 <= t -> Rabs (u t - c) <= Rabs (u 0 - c) * exp (- (lam - k) * t).
Proof.
  intros k lam eta c u Hk Hc ode t Ht.
  set (r := lam - k).
  assert (D : forall s, 0 <= s -> is_derive (fun s => (u s - c) ^ 2 * exp (2 * r * s)) s
    (2 * exp (2 * r * s) * ((u s - c) * F k lam eta (u s) + r * (u s - c) ^ 2))).
  { intros s S. assert (E := ode s S). auto_derive.
    - eexists. exact E.
    - match goal with |- context [Derive ?v s] =>
        replace (Derive v s) with (F k lam eta (u s)) by (symmetry; now apply is_derive_unique) end.
      ring. }
  assert (N : forall s, (u s - c) * F k lam eta (u s) + r * (u s - c) ^ 2 <= 0).
  { intros s. generalize (tanh_lipschitz c (u s)). intros T.
    assert (E : F k lam eta (u s) = k * (tanh (u s) - tanh c) - lam * (u s - c)).
    { revert Hc. unfold F. lra. }
    rewrite E. unfold r. nra. }
  assert (M : (u t - c) ^ 2 * exp (2 * r * t) <= (u 0 - c) ^ 2).
  { destruct Ht as [Ht | <-]; [| rewrite Rmult_0_r, exp_0; lra].
    destruct (MVT_cor2 (fun s => (u s - c) ^ 2 * exp (2 * r * s)) _ 0 t Ht
      (fun s I => proj1 (is_derive_Reals _ _ _) (D s (proj1 I)))) as (s & E & I).
    rewrite Rmult_0_r, exp_0 in E. generalize (N s) (exp_pos (2 * r * s)). intros Ns Es.
    assert (0 <= exp (2 * r * s) * (- ((u s - c) * F k lam eta (u s) + r * (u s - c) ^ 2)) * t)
      by (repeat apply Rmult_le_pos; lra).
    lra. }
  apply Rsqr_incr_0_var.
  - unfold Rsqr. replace (- r * t) with (- (r * t)) by ring.
    apply (Rmult_le_reg_r (exp (2 * r * t))); [apply exp_pos |].
    replace (Rabs (u t - c) * Rabs (u t - c)) with (Rabs (u t - c) ^ 2) by ring.
    rewrite pow2_abs. apply Rle_trans with (1 := M).
    replace (exp (2 * r * t)) with (exp (r * t) * exp (r * t)) by (rewrite <- exp_plus; f_equal; ring).
    generalize (exp_mul_neg (r * t)). intros X.
    apply Rle_trans with (Rabs (u 0 - c) ^ 2 * (exp (r * t) * exp (- (r * t))) ^ 2); [| right; ring].
    rewrite X, pow2_abs. right. ring.
  - apply Rmult_le_pos; [apply Rabs_pos | left; apply exp_pos].
Qed.
