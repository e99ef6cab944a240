(* Any load response G: fold curve and pitchfork. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting.
Open Scope R_scope.

Lemma response_derive G G1 kappa mu h z : is_derive G z G1 ->
  is_derive (response_field G kappa mu h) z (kappa * G1 - mu).
Proof.
  intros D. unfold response_field. evar_last.
  { apply @is_derive_plus; [apply @is_derive_minus |].
    - apply is_derive_scal. exact D.
    - instantiate (1 := mu). auto_derive; auto. ring.
    - apply @is_derive_const. }
  unfold minus, plus, opp, zero; simpl. ring.
Qed.

Lemma response_fold : forall G kappa mu h z, ex_derive G z -> Derive G z <> 0 ->
  (response_field G kappa mu h z = 0 /\ Derive (response_field G kappa mu h) z = 0) <->
  (kappa = mu / Derive G z /\ h = mu * (z - G z / Derive G z)).
Proof.
  intros G kappa mu h z E N. apply Derive_correct in E.
  rewrite (is_derive_unique _ _ _ (response_derive G _ kappa mu h z E)).
  unfold response_field. split.
  - intros [A B].
    assert (K : kappa = mu / Derive G z).
    { apply (Rmult_eq_reg_r (Derive G z)); auto. field_simplify; auto. lra. }
    split; auto. rewrite K in A.
    replace (mu * (z - G z / Derive G z)) with (mu * z - mu / Derive G z * G z) by (field; auto).
    lra.
  - intros [-> ->]. split; field; auto.
Qed.

Section Pitchfork.
Variable G : R -> R.
Variables kappa mu bound : R.
Hypothesis Hk : 0 < kappa.
Hypothesis Hm : 0 < mu.
Hypothesis odd : forall z, G (- z) = - G z.
Hypothesis bounded : forall z, G z <= bound.
Hypothesis smooth : forall z, ex_derive G z.
Hypothesis concave : forall a b, 0 <= a -> a < b -> Derive G b < Derive G a.

Let f := response_field G kappa mu 0.

Local Lemma f_derive z : is_derive f z (kappa * Derive G z - mu).
Proof. apply response_derive, Derive_correct, smooth. Qed.

Local Lemma f_odd z : f (- z) = - f z.
Proof. unfold f, response_field. rewrite odd. ring. Qed.

Local Lemma f_zero : f 0 = 0.
Proof.
  unfold f, response_field. assert (G 0 = - G 0) by (rewrite <- odd; f_equal; ring).
  replace (G 0) with 0 by lra. ring.
Qed.

Lemma response_below : kappa * Derive G 0 <= mu -> forall z, f z = 0 <-> z = 0.
Proof.
  intros H.
  assert (neg : forall z, 0 < z -> f z < 0).
  { intros z Z. rewrite <- f_zero. apply (decreasing_on _ _ f_derive); auto. intros x I.
    generalize (concave 0 x ltac:(lra) ltac:(lra)). nra. }
  intros z. split; [| intros ->; apply f_zero]. intros E.
  destruct (Rtotal_order z 0) as [L | [L | L]]; auto; exfalso.
  - generalize (neg (- z) ltac:(lra)). rewrite f_odd. lra.
  - generalize (neg z L). lra.
Qed.

Lemma response_above : mu < kappa * Derive G 0 ->
  exists zs, 0 < zs /\ forall z, f z = 0 <-> z = 0 \/ z = zs \/ z = - zs.
Proof.
  intros H.
  assert (near : exists a, 0 < a /\ 0 < f a).
  { generalize (proj1 (is_derive_Reals _ _ _) (f_derive 0)). intros D.
    set (c := kappa * Derive G 0 - mu) in *. assert (C : 0 < c) by (unfold c; lra).
    destruct (D (c / 2) ltac:(lra)) as (d & Q). destruct d as [d Hd]. simpl in Q.
    exists (d / 2). split; [lra |].
    specialize (Q (d / 2) ltac:(lra)). rewrite Rabs_pos_eq, f_zero, Rplus_0_l in Q by lra.
    specialize (Q ltac:(lra)). apply Rabs_def2 in Q. destruct Q as [_ Q].
    assert (T : 0 < (f (d / 2) - 0) / (d / 2)) by lra.
    assert (U : 0 < (f (d / 2) - 0) / (d / 2) * (d / 2)) by (apply Rmult_lt_0_compat; lra).
    replace ((f (d / 2) - 0) / (d / 2) * (d / 2)) with (f (d / 2)) in U by (field; lra). auto. }
  destruct near as (a & A & Fa).
  set (b := a + kappa * Rabs bound / mu + 1).
  assert (Q : 0 <= kappa * Rabs bound / mu).
  { apply Rmult_le_pos; [generalize (Rabs_pos bound); nra | left; now apply Rinv_0_lt_compat]. }
  assert (Fb : f b < 0).
  { unfold f, response_field.
    assert (E : mu * b = mu * a + kappa * Rabs bound + mu) by (unfold b; field; lra).
    rewrite E. generalize (bounded b) (Rle_abs bound). intros. nra. }
  destruct (zero_down _ _ f_derive a b ltac:(unfold b; lra) Fa Fb) as (zs & I & Z).
  assert (uniq : forall x y, 0 < x -> x < y -> f x = 0 -> f y = 0 -> False).
  { intros x y X L Ex Ey.
    destruct (mvt _ _ f_derive 0 x X) as (c & E1 & I1).
    destruct (mvt _ _ f_derive x y L) as (e & E2 & I2).
    rewrite f_zero, Ex in E1. rewrite Ex, Ey in E2.
    generalize (concave c e ltac:(lra) ltac:(lra)). intros C.
    assert (kappa * Derive G c - mu = 0) by (apply (Rmult_eq_reg_r (x - 0)); lra).
    assert (kappa * Derive G e - mu = 0) by (apply (Rmult_eq_reg_r (y - x)); lra).
    nra. }
  assert (pos : forall z, 0 < z -> f z = 0 -> z = zs).
  { intros z P E. destruct (Rtotal_order z zs) as [L | [L | L]]; auto; exfalso.
    - exact (uniq z zs P L E Z).
    - exact (uniq zs z ltac:(lra) L Z E). }
  exists zs. split; [lra |]. intros z. split.
  - intros E. destruct (Rtotal_order z 0) as [L | [L | L]]; auto.
    right; right. rewrite <- (pos (- z)); [ring | lra | rewrite f_odd, E; ring].
  - intros [-> | [-> | ->]]; auto; [apply f_zero | rewrite f_odd, Z; ring].
Qed.
End Pitchfork.

Lemma response_pitchfork : forall G kappa mu bound, 0 < kappa -> 0 < mu ->
  (forall z, G (- z) = - G z) -> (forall z, G z <= bound) -> (forall z, ex_derive G z) ->
  (forall a b, 0 <= a -> a < b -> Derive G b < Derive G a) ->
  (kappa * Derive G 0 <= mu -> forall z, response_field G kappa mu 0 z = 0 <-> z = 0) /\
  (mu < kappa * Derive G 0 -> exists zs, 0 < zs /\
    forall z, response_field G kappa mu 0 z = 0 <-> z = 0 \/ z = zs \/ z = - zs).
Proof.
  intros G kappa mu bound Hk Hm O B S C. split.
  - now apply (response_below G kappa mu Hk).
  - now apply (response_above G kappa mu bound Hk Hm).
Qed.
