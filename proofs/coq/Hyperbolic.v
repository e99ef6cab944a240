(* Hyperbolic functions: identities, derivatives, monotonicity, arcosh. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions.
Open Scope R_scope.

Lemma cosh_gt0 x : 0 < cosh x.
Proof. unfold cosh. generalize (exp_pos x) (exp_pos (- x)). lra. Qed.

Lemma exp_mul_neg x : exp x * exp (- x) = 1.
Proof. rewrite <- exp_plus, Rplus_opp_r. apply exp_0. Qed.

Lemma cosh_sq x : cosh x ^ 2 = 1 + sinh x ^ 2.
Proof. unfold cosh, sinh. generalize (exp_mul_neg x). intros H. nra. Qed.

Lemma cosh_ge1 x : 1 <= cosh x.
Proof. generalize (cosh_gt0 x) (cosh_sq x). intros. nra. Qed.

Lemma sinh_odd x : sinh (- x) = - sinh x.
Proof. unfold sinh. rewrite Ropp_involutive. lra. Qed.

Lemma cosh_even x : cosh (- x) = cosh x.
Proof. unfold cosh. rewrite Ropp_involutive. lra. Qed.

Lemma tanh_odd x : tanh (- x) = - tanh x.
Proof. unfold tanh. rewrite sinh_odd, cosh_even. unfold Rdiv. ring. Qed.

Lemma tanh_zero : tanh 0 = 0.
Proof. unfold tanh. rewrite sinh_0. unfold Rdiv. ring. Qed.

Lemma sinh_lt x y : x < y -> sinh x < sinh y.
Proof.
  intros H. unfold sinh.
  generalize (exp_increasing _ _ H) (exp_increasing (- y) (- x) ltac:(lra)). lra.
Qed.

Lemma sinh_inj x y : sinh x = sinh y -> x = y.
Proof.
  intros H. destruct (Rtotal_order x y) as [L | [E | L]]; auto;
  apply sinh_lt in L; lra.
Qed.

Lemma sinh_gt0 x : 0 < x -> 0 < sinh x.
Proof. intros H. rewrite <- sinh_0. now apply sinh_lt. Qed.

Lemma sinh_zero_iff x : sinh x = 0 <-> x = 0.
Proof.
  split; intros H; [apply sinh_inj; now rewrite sinh_0 | subst; apply sinh_0].
Qed.

Lemma cosh_lt_sq x y : cosh x ^ 2 < cosh y ^ 2 <-> Rabs x < Rabs y.
Proof.
  assert (E : forall z, sinh (Rabs z) ^ 2 = sinh z ^ 2).
  { intros z. unfold Rabs. destruct (Rcase_abs z); auto. rewrite sinh_odd. ring. }
  assert (P : forall z, 0 <= sinh (Rabs z)).
  { intros z. destruct (Rle_lt_or_eq_dec 0 (Rabs z) (Rabs_pos z)) as [L | L].
    - left. now apply sinh_gt0.
    - rewrite <- L, sinh_0. lra. }
  assert (D : forall a b, Rabs a < Rabs b -> cosh a ^ 2 < cosh b ^ 2).
  { intros a b L. rewrite !cosh_sq, <- (E a), <- (E b).
    apply sinh_lt in L. generalize (P a) (P b). nra. }
  split; [| apply D]. intros H.
  destruct (Rtotal_order (Rabs x) (Rabs y)) as [L | [L | L]]; auto.
  - exfalso. rewrite !cosh_sq, <- (E x), <- (E y), L in H. lra.
  - apply D in L. lra.
Qed.

Lemma is_derive_sinh x : is_derive sinh x (cosh x).
Proof. apply is_derive_Reals, derivable_pt_lim_sinh. Qed.

Lemma is_derive_cosh x : is_derive cosh x (sinh x).
Proof. apply is_derive_Reals, derivable_pt_lim_cosh. Qed.

Lemma tanh_sq x : 1 - tanh x ^ 2 = / cosh x ^ 2.
Proof.
  unfold tanh. generalize (cosh_gt0 x) (cosh_sq x). intros P E.
  field_simplify; [| lra | lra]. rewrite E. field. rewrite <- E. nra.
Qed.

Lemma is_derive_tanh x : is_derive tanh x (1 - tanh x ^ 2).
Proof.
  generalize (cosh_gt0 x) (cosh_sq x). intros P E.
  evar_last.
  { apply (is_derive_div sinh cosh x); [apply is_derive_sinh | apply is_derive_cosh | lra]. }
  unfold tanh. field. lra.
Qed.

Lemma tanh_lt1 x : -1 < tanh x < 1.
Proof.
  generalize (tanh_sq x) (cosh_gt0 x). intros H P.
  assert (0 < / cosh x ^ 2) by (apply Rinv_0_lt_compat; nra). nra.
Qed.

Lemma tanh_exp x : tanh x = (exp (2 * x) - 1) / (exp (2 * x) + 1).
Proof.
  unfold tanh, sinh, cosh. replace (2 * x) with (x + x) by ring. rewrite exp_plus.
  generalize (exp_pos x) (exp_pos (- x)) (exp_mul_neg x). intros P Q E.
  apply (Rmult_eq_reg_r ((exp x + exp (- x)) / 2 * (exp x * exp x + 1))); [| nra].
  field_simplify; [| nra | nra]. nra.
Qed.

Lemma tanh_sinh_cosh x : tanh x * cosh x = sinh x.
Proof. unfold tanh. field. generalize (cosh_gt0 x); lra. Qed.

Lemma tanh_gt0 x : 0 < x -> 0 < tanh x.
Proof. intros H. apply Rdiv_lt_0_compat; [now apply sinh_gt0 | apply cosh_gt0]. Qed.

Lemma tanh_zero_iff x : tanh x = 0 <-> x = 0.
Proof.
  split; intros H; [| subst; apply tanh_zero].
  apply sinh_zero_iff. rewrite <- tanh_sinh_cosh, H. ring.
Qed.

(** arcosh *)
Section Arcosh.
Variable x : R.
Hypothesis Hx : 1 <= x.

Let w := sqrt (x ^ 2 - 1).

Local Lemma w_sq : w ^ 2 = x ^ 2 - 1.
Proof. unfold w. rewrite <- Rsqr_pow2. apply Rsqr_sqrt. nra. Qed.

Local Lemma w_ge0 : 0 <= w.
Proof. apply sqrt_pos. Qed.

Local Lemma exp_arcosh : exp (arcosh x) = x + w.
Proof. unfold arcosh. apply exp_ln. fold w. generalize w_ge0. lra. Qed.

Local Lemma exp_neg_arcosh : exp (- arcosh x) = x - w.
Proof.
  generalize exp_arcosh (exp_mul_neg (arcosh x)) w_sq w_ge0. intros E M S P.
  rewrite E in M. apply (Rmult_eq_reg_l (x + w)); nra.
Qed.

Lemma cosh_arcosh : cosh (arcosh x) = x.
Proof. unfold cosh. rewrite exp_arcosh, exp_neg_arcosh. field. Qed.

Lemma sinh_arcosh : sinh (arcosh x) = sqrt (x ^ 2 - 1).
Proof. unfold sinh. rewrite exp_arcosh, exp_neg_arcosh. fold w. field. Qed.

Lemma arcosh_ge0 : 0 <= arcosh x.
Proof.
  destruct (Rle_or_lt 0 (arcosh x)) as [H | H]; auto.
  exfalso. apply sinh_lt in H. rewrite sinh_0, sinh_arcosh in H.
  generalize (sqrt_pos (x ^ 2 - 1)). lra.
Qed.
End Arcosh.

Lemma arcosh_gt0 x : 1 < x -> 0 < arcosh x.
Proof.
  intros H. destruct (arcosh_ge0 x ltac:(lra)) as [L | L]; auto.
  assert (C : cosh (arcosh x) = x) by (apply cosh_arcosh; lra).
  rewrite <- L, cosh_0 in C. lra.
Qed.

(** A function with non-negative derivative on the right of 0 stays above its value there. *)
Lemma above_from_zero (f df : R -> R) :
  (forall x, is_derive f x (df x)) -> (forall x, 0 < x -> 0 <= df x) ->
  forall x, 0 <= x -> f 0 <= f x.
Proof.
  intros D P x [H | H]; [| subst; lra].
  destruct (MVT_cor2 f df 0 x H) as [c [E I]].
  { intros c _. apply is_derive_Reals, D. }
  generalize (P c ltac:(lra)). nra.
Qed.

Lemma strictly_above_from_zero (f df : R -> R) :
  (forall x, is_derive f x (df x)) -> (forall x, 0 < x -> 0 < df x) ->
  forall x, 0 < x -> f 0 < f x.
Proof.
  intros D P x H.
  destruct (MVT_cor2 f df 0 x H) as [c [E I]].
  { intros c _. apply is_derive_Reals, D. }
  generalize (P c ltac:(lra)). nra.
Qed.

Lemma exp_ge_quadratic y : 0 <= y -> 1 + y + y ^ 2 / 2 <= exp y.
Proof.
  intros H.
  assert (one : forall x, 0 <= x -> 1 + x <= exp x) by (intros; apply exp_ineq1_le).
  apply Rminus_le_0. replace 0 with (exp 0 - (1 + 0 + 0 ^ 2 / 2)) by (rewrite exp_0; field).
  apply (above_from_zero (fun y => exp y - (1 + y + y ^ 2 / 2)) (fun y => exp y - (1 + y))); auto.
  - intros x. auto_derive; auto. field.
  - intros x P. generalize (one x ltac:(lra)). lra.
Qed.
