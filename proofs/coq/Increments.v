(* Finite increments: the multiplier of the mean step, the flip, the period-two orbit, noise. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics Equilibria.
Open Scope R_scope.

Lemma step_derive delta g eta u :
  is_derive (step delta g eta) u (1 + delta * Derive (F g 1 eta) u).
Proof.
  rewrite Derive_F. unfold step, F1. auto_derive; [repeat split; apply ex_derive_tanh |].
  rewrite Derive_tanh. ring.
Qed.

Lemma step_fixed : forall delta g eta u, delta <> 0 ->
  (step delta g eta u = u <-> F g 1 eta u = 0).
Proof.
  intros delta g eta u N.
  assert (E : step delta g eta u - u = delta * F g 1 eta u) by (unfold step, F; ring).
  split; intros H; [| rewrite H in E; lra].
  apply (Rmult_eq_reg_l delta); auto. lra.
Qed.

Lemma step_multiplier : forall delta g eta u,
  Derive (step delta g eta) u = 1 + delta * Derive (F g 1 eta) u.
Proof. intros. apply is_derive_unique, step_derive. Qed.

Lemma balanced_multiplier : forall delta g, Derive (step delta g 0) 0 = 1 + delta * (g - 1).
Proof. intros. rewrite step_multiplier, Derive_F, F1_zero. ring. Qed.

Lemma flip_threshold : forall delta g, 0 < delta ->
  (Rabs (Derive (step delta g 0) 0) < 1 <-> g < 1 /\ delta * (1 - g) < 2) /\
  (Derive (step delta g 0) 0 = - 1 <-> delta * (1 - g) = 2).
Proof.
  intros delta g H. rewrite balanced_multiplier. split; [| split; lra].
  split; intros A.
  - apply Rabs_def2 in A. split; [| lra].
    destruct (Rlt_or_le g 1); auto. nra.
  - apply Rabs_def1; nra.
Qed.

Lemma period_two : forall delta g, 0 < delta < 2 ->
  ((exists u, u <> 0 /\ step delta g 0 u = - u /\ step delta g 0 (- u) = u) <-> 2 < delta * (1 - g)).
Proof.
  intros delta g D.
  assert (E : forall u, step delta g 0 u + u = - F (- delta * g) (2 - delta) 0 u)
    by (intros; unfold step, F; ring).
  assert (O : forall u, step delta g 0 (- u) = - step delta g 0 u).
  { intros u. unfold step. rewrite tanh_odd. ring. }
  split.
  - intros (u & N & A & _). destruct (Rlt_or_le 2 (delta * (1 - g))) as [L | L]; auto.
    exfalso. apply N.
    apply (proj1 (pitchfork_below (- delta * g) (2 - delta) ltac:(lra) ltac:(lra)) u).
    generalize (E u). lra.
  - intros L.
    destruct (pitchfork_zeros (- delta * g) (2 - delta) ltac:(lra) ltac:(lra)) as (u & P & Z & _).
    assert (A : step delta g 0 u = - u).
    { generalize (E u). rewrite (proj2 (Z u)) by auto. lra. }
    exists u. split; [lra |]. split; auto. rewrite O, A. ring.
Qed.

(* Variance of the linearised chain x' = a x + noise of variance q. *)
Lemma noise_variance : forall a q (v : nat -> R), Rabs a < 1 ->
  (forall n, v (S n) = a ^ 2 * v n + q) -> is_lim_seq v (q / (1 - a ^ 2)).
Proof.
  intros a q v A H.
  assert (B : Rabs (a ^ 2) < 1).
  { rewrite <- RPow_abs. generalize (Rabs_pos a). nra. }
  assert (N : a ^ 2 < 1) by (generalize (Rle_abs (a ^ 2)); lra).
  set (x := q / (1 - a ^ 2)).
  assert (X : x = a ^ 2 * x + q) by (unfold x; field; lra).
  assert (E : forall n, v n = (a ^ 2) ^ n * (v 0%nat - x) + x).
  { induction n; [simpl; ring |]. rewrite H, IHn. simpl pow at 3.
    transitivity (a ^ 2 * (a ^ 2) ^ n * (v 0%nat - x) + (a ^ 2 * x + q)); [simpl; ring |].
    rewrite <- X. simpl. ring. }
  apply (is_lim_seq_ext (fun n => (a ^ 2) ^ n * (v 0%nat - x) + x)); [intros; symmetry; apply E |].
  replace (Finite x) with (Finite (0 * (v 0%nat - x) + x)) by (f_equal; ring).
  apply is_lim_seq_plus'; [| apply is_lim_seq_const].
  apply is_lim_seq_mult'; [now apply is_lim_seq_geom | apply is_lim_seq_const].
Qed.

(** ** Diffusion limit: drift F, variance rate delta g^2 / cosh^2. The density carries no flux. *)
Lemma density_exponent_derive g eta u :
  is_derive (density_exponent g eta) u (F g 1 eta u * cosh u ^ 2).
Proof.
  unfold density_exponent, F. auto_derive; [repeat split |].
  assert (S : forall x, sinh (2 * x) = 2 * sinh x * cosh x).
  { intros x. unfold sinh, cosh. replace (2 * x) with (x + x) by ring.
    replace (- (x + x)) with (- x + - x) by ring. rewrite !exp_plus. field. }
  assert (C : forall x, cosh (2 * x) = 2 * cosh x ^ 2 - 1).
  { intros x. unfold cosh. replace (2 * x) with (x + x) by ring.
    replace (- (x + x)) with (- x + - x) by ring. rewrite !exp_plus.
    generalize (exp_mul_neg x). intros E. nra. }
  rewrite S, C. replace (g * tanh u - 1 * u + eta) with (g * (sinh u / cosh u) - 1 * u + eta) by reflexivity.
  field. generalize (cosh_gt0 u). lra.
Qed.

Lemma density_no_flux : forall delta g eta u, 0 < delta -> g <> 0 ->
  is_derive (fun u => delta * g ^ 2 / (2 * cosh u ^ 2) * density delta g eta u) u
    (F g 1 eta u * density delta g eta u).
Proof.
  intros delta g eta u Hd Hg.
  assert (D := density_exponent_derive g eta u).
  apply (is_derive_ext (fun u => delta * g ^ 2 / 2 * exp (2 / (delta * g ^ 2) * density_exponent g eta u))).
  { intros x. unfold density.
    match goal with |- ?a = ?b => change (@eq R a b) end. field.
    repeat split; auto; try lra. generalize (cosh_gt0 x); lra. }
  evar_last.
  { apply is_derive_scal. apply (is_derive_comp exp); [apply is_derive_exp |].
    apply is_derive_scal. exact D. }
  unfold density, scal; simpl; unfold mult; simpl. field. repeat split; auto; lra.
Qed.
