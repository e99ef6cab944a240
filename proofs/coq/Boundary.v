(* Boundary mass: how much routing lies within w of the decision boundary. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting.
Open Scope R_scope.

(** ** The mass between -w and w and its slope *)
Lemma reflect (g dg : R -> R) x : is_derive g (- x) (dg (- x)) ->
  is_derive (fun y => g (- y)) x (- dg (- x)).
Proof.
  intros H. evar_last.
  { apply (is_derive_comp g (fun y => - y) x); [exact H |].
    instantiate (1 := - 1). auto_derive; auto. }
  unfold scal; simpl; unfold mult; simpl. ring.
Qed.

Lemma mass_derive (f : R -> R) x : (forall y, continuous f y) ->
  is_derive (fun y => RInt f (- y) y) x (f x + f (- x)).
Proof.
  intros C.
  assert (integrable : forall a b, ex_RInt f a b).
  { intros a b. apply (@ex_RInt_continuous R_CompleteNormedModule). intros. apply C. }
  apply (is_derive_ext (fun y => RInt f 0 y - RInt f 0 (- y))).
  { intros y. rewrite <- (RInt_Chasles f (- y) 0 y) by apply integrable.
    rewrite <- (opp_RInt_swap f 0 (- y)) by apply integrable.
    unfold plus, opp; simpl. ring. }
  assert (G : forall y, is_derive (fun z => RInt f 0 z) y (f y)).
  { intros y. apply (@is_derive_RInt R_CompleteNormedModule f (fun z => RInt f 0 z) 0 y); [| apply C].
    apply filter_forall. intros z. apply (@RInt_correct R_CompleteNormedModule). apply integrable. }
  evar_last.
  { apply @is_derive_minus; [apply G |]. apply (reflect (fun z => RInt f 0 z) f). apply G. }
  unfold minus, plus, opp; simpl. ring.
Qed.

Lemma boundary_slope : forall f : R -> R, (forall x, continuous f x) ->
  is_derive (fun w => RInt f (- w) w) 0 (2 * f 0).
Proof.
  intros f C. evar_last; [now apply mass_derive |]. rewrite Ropp_0. simpl. ring.
Qed.

Section Remainder.
Variables f f1 f2 : R -> R.
Variables M w : R.
Hypothesis Hw : 0 <= w.
Hypothesis D1 : forall x, is_derive f x (f1 x).
Hypothesis D2 : forall x, is_derive f1 x (f2 x).
Hypothesis B : forall x, Rabs x <= w -> Rabs (f2 x) <= M.

(* A function on [0, w] that starts at 0 with derivative below a line. *)
Local Lemma grow (u du v dv : R -> R) :
  (forall x, is_derive u x (du x)) -> u 0 = 0 ->
  (forall x, is_derive v x (dv x)) -> v 0 = 0 ->
  (forall x, 0 < x < w -> du x <= dv x) -> forall x, 0 <= x <= w -> u x <= v x.
Proof.
  intros Du U Dv V L x [[X | <-] W]; [| lra].
  destruct (MVT_cor2 (fun y => v y - u y) (fun y => dv y - du y) 0 x X) as (z & E & I).
  { intros y _. apply is_derive_Reals. apply @is_derive_minus; auto. }
  generalize (L z ltac:(lra)). nra.
Qed.

Local Lemma second_difference x : 0 <= x <= w -> Rabs (f x + f (- x) - 2 * f 0) <= M * x ^ 2.
Proof.
  assert (Df : forall y, is_derive (fun y => f y + f (- y) - 2 * f 0) y (f1 y - f1 (- y))).
  { intros y. evar_last.
    { apply @is_derive_minus; [apply @is_derive_plus; [apply D1 |] | apply @is_derive_const].
      apply reflect. apply D1. }
    unfold minus, plus, opp, zero; simpl. ring. }
  assert (Df1 : forall y, is_derive (fun y => f1 y - f1 (- y)) y (f2 y + f2 (- y))).
  { intros y. evar_last.
    { apply @is_derive_minus; [apply D2 |]. apply reflect. apply D2. }
    unfold minus, plus, opp; simpl. ring. }
  assert (Q1 : forall c y, is_derive (fun y => c * y) y c) by (intros; auto_derive; auto; ring).
  assert (Q2 : forall c y, is_derive (fun y => c * y ^ 2) y (2 * c * y)) by (intros; auto_derive; auto; ring).
  assert (b : forall y, 0 < y < w -> - (2 * M) <= f2 y + f2 (- y) <= 2 * M).
  { intros y I.
    assert (A1 : Rabs (f2 y) <= M) by (apply B; rewrite Rabs_pos_eq; lra).
    assert (A2 : Rabs (f2 (- y)) <= M) by (apply B; rewrite Rabs_Ropp, Rabs_pos_eq; lra).
    apply Rabs_le_between in A1. apply Rabs_le_between in A2. lra. }
  assert (first : forall y, 0 <= y <= w -> - (2 * M) * y <= f1 y - f1 (- y) <= 2 * M * y).
  { intros y I. split.
    - apply (grow _ _ _ _ (Q1 (- (2 * M))) (Rmult_0_r _) Df1); auto.
      + rewrite Ropp_0. ring.
      + intros. now apply b.
    - apply (fun h0 => grow _ _ _ _ Df1 h0 (Q1 (2 * M)) (Rmult_0_r _)); auto.
      + rewrite Ropp_0. ring.
      + intros. now apply b. }
  intros I. apply Rabs_le_between. split.
  - replace (- (M * x ^ 2)) with (- M * x ^ 2) by ring.
    apply (fun h0 => grow _ _ _ _ (Q2 (- M)) h0 Df); auto.
    + ring.
    + rewrite Ropp_0. ring.
    + intros y J. generalize (first y ltac:(lra)). lra.
  - apply (fun h0 => grow _ _ _ _ Df h0 (Q2 M)); auto.
    + rewrite Ropp_0. ring.
    + ring.
    + intros y J. generalize (first y ltac:(lra)). lra.
Qed.

Lemma remainder : Rabs (RInt f (- w) w - 2 * w * f 0) <= w ^ 3 / 3 * M.
Proof.
  set (u := fun y => RInt f (- y) y - 2 * y * f 0).
  assert (Du : forall y, is_derive u y (f y + f (- y) - 2 * f 0)).
  { intros y. unfold u. apply @is_derive_minus; [apply mass_derive; intros; apply (ex_derive_continuous f); eexists; apply D1 |]. auto_derive; auto. ring. }
  assert (U : u 0 = 0).
  { unfold u. rewrite Ropp_0, RInt_point. unfold zero; simpl. ring. }
  assert (Q : forall c y, is_derive (fun y => c * y ^ 3 / 3) y (c * y ^ 2)) by (intros; auto_derive; auto; field).
  change (Rabs (u w) <= w ^ 3 / 3 * M).
  assert (S : forall y, 0 < y < w -> - (M * y ^ 2) <= f y + f (- y) - 2 * f 0 <= M * y ^ 2).
  { intros y I. apply Rabs_le_between. apply second_difference. lra. }
  apply Rabs_le_between. split.
  - replace (- (w ^ 3 / 3 * M)) with (- M * w ^ 3 / 3) by field.
    apply (fun h0 => grow _ _ _ _ (Q (- M)) h0 Du); auto; try lra.
    intros y I. generalize (S y I). lra.
  - replace (w ^ 3 / 3 * M) with (M * w ^ 3 / 3) by field.
    apply (grow _ _ _ _ Du U (Q M)); auto; try lra.
    intros y I. generalize (S y I). lra.
Qed.
End Remainder.

Lemma boundary_remainder : forall (f : R -> R) M w, 0 <= w ->
  (forall x, ex_derive f x) -> (forall x, ex_derive (Derive f) x) ->
  (forall x, Rabs x <= w -> Rabs (Derive_n f 2 x) <= M) ->
  Rabs (RInt f (- w) w - 2 * w * f 0) <= w ^ 3 / 3 * M.
Proof.
  intros f M w Hw A B C. apply (remainder f (Derive f) (Derive (Derive f))); auto.
  - intros. now apply Derive_correct.
  - intros. now apply Derive_correct.
Qed.

(** ** Normal margins *)
Lemma root_two_pi : 0 < sqrt (2 * PI).
Proof. apply sqrt_lt_R0. generalize PI_RGT_0. lra. Qed.

Lemma gauss_derive b s x : 0 < s -> is_derive (gauss b s) x (- ((x - b) / s ^ 2) * gauss b s x).
Proof.
  intros H. generalize root_two_pi. intros P. unfold gauss. auto_derive; auto.
  unfold Rdiv, Rminus; simpl pow. field. lra.
Qed.

Lemma gauss_derive2 b s x : 0 < s ->
  is_derive (fun x => - ((x - b) / s ^ 2) * gauss b s x) x ((((x - b) / s) ^ 2 - 1) / s ^ 2 * gauss b s x).
Proof.
  intros H. generalize root_two_pi. intros P. unfold gauss. auto_derive; auto.
  unfold Rdiv, Rminus; simpl pow. field. lra.
Qed.

Lemma hermite_bound y : 0 <= y -> Rabs (y - 1) * exp (- y / 2) <= 1.
Proof.
  intros H. generalize (exp_ge_quadratic (y / 2) ltac:(lra)). intros Q.
  replace (- y / 2) with (- (y / 2)) by field. rewrite exp_Ropp.
  assert (P := exp_pos (y / 2)).
  apply (Rmult_le_reg_r (exp (y / 2))); auto.
  replace (Rabs (y - 1) * / exp (y / 2) * exp (y / 2)) with (Rabs (y - 1)) by (field; lra).
  rewrite Rmult_1_l. apply Rle_trans with (1 + y / 2 + (y / 2) ^ 2 / 2); auto.
  apply Rabs_le_between. split; nra.
Qed.

Lemma boundary_gaussian : forall b s w, 0 < s -> 0 <= w ->
  Rabs (RInt (gauss b s) (- w) w - 2 * w * gauss b s 0) <= w ^ 3 / (3 * s ^ 3 * sqrt (2 * PI)).
Proof.
  intros b s w Hs Hw. generalize root_two_pi. intros P.
  replace (w ^ 3 / (3 * s ^ 3 * sqrt (2 * PI))) with (w ^ 3 / 3 * (/ (s ^ 3 * sqrt (2 * PI)))) by (field; lra).
  apply (remainder _ _ _ (/ (s ^ 3 * sqrt (2 * PI))) w Hw
    (fun x => gauss_derive b s x Hs) (fun x => gauss_derive2 b s x Hs)).
  intros x _. set (y := ((x - b) / s) ^ 2).
  assert (Y : 0 <= y) by apply pow2_ge_0.
  assert (S3 : 0 < s ^ 3) by (apply pow_lt; auto).
  replace ((y - 1) / s ^ 2 * gauss b s x) with
    ((y - 1) * exp (- y / 2) * / (s ^ 3 * sqrt (2 * PI))).
  - rewrite Rabs_mult, Rabs_mult, (Rabs_pos_eq (exp _)) by (left; apply exp_pos).
    assert (I : 0 < / (s ^ 3 * sqrt (2 * PI))) by (apply Rinv_0_lt_compat, Rmult_lt_0_compat; auto).
    rewrite (Rabs_pos_eq (/ _)) by lra. generalize (hermite_bound y Y). nra.
  - unfold gauss. fold y. field. lra.
Qed.

(* Slope at balance of the hard response, and with it the critical feedback mu s sqrt (PI / 2). *)
Lemma hard_response_derive s z : 0 < s -> is_derive (hard_response s) z (2 * gauss 0 s z).
Proof.
  intros Hs. unfold hard_response. evar_last.
  { apply mass_derive. intros x. apply (ex_derive_continuous (gauss 0 s)).
    eexists. now apply gauss_derive. }
  unfold gauss. replace ((- z - 0) / s) with (- ((z - 0) / s)) by (field; lra).
  replace ((- ((z - 0) / s)) ^ 2) with (((z - 0) / s) ^ 2) by ring. ring.
Qed.

Lemma hard_critical_feedback : forall mu s, 0 < s ->
  mu / Derive (hard_response s) 0 = mu * s * sqrt (PI / 2).
Proof.
  intros mu s Hs. rewrite (is_derive_unique _ _ _ (hard_response_derive s 0 Hs)).
  generalize root_two_pi PI_RGT_0. intros P Q. unfold gauss.
  replace (- ((0 - 0) / s) ^ 2 / 2) with 0 by (field; lra). rewrite exp_0.
  assert (E : sqrt (2 * PI) = 2 * sqrt (PI / 2)).
  { replace (2 * PI) with (2 ^ 2 * (PI / 2)) by field.
    rewrite sqrt_mult by (try nra; lra). rewrite sqrt_pow2 by lra. reflexivity. }
  rewrite E in *. field. split; lra.
Qed.
