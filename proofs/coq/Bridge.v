(* From the score equations of the router to the reduced fields. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Dynamics Sums.
Open Scope R_scope.

Lemma softmax_two v : softmax 2 v 0 - softmax 2 v 1 = tanh ((v 0%nat - v 1%nat) / 2) /\
  softmax 2 v 0 + softmax 2 v 1 = 1.
Proof.
  unfold softmax. simpl. generalize (exp_pos (v 0%nat)) (exp_pos (v 1%nat)). intros P Q.
  split; [| field; lra]. rewrite tanh_exp.
  replace (exp (2 * ((v 0%nat - v 1%nat) / 2))) with (exp (v 0%nat) / exp (v 1%nat)).
  - field. lra.
  - replace (2 * ((v 0%nat - v 1%nat) / 2)) with (v 0%nat + - v 1%nat) by field.
    now rewrite exp_plus, exp_Ropp.
Qed.

Lemma bridge_field : forall kappa mu beta h s,
  beta / 2 * (score_field 2 kappa mu beta h s 0 - score_field 2 kappa mu beta h s 1)
    = F (kappa * beta / 2) mu (beta * (h 0%nat - h 1%nat) / 2) (beta * (s 0%nat - s 1%nat) / 2) /\
  score_field 2 kappa mu beta h s 0 + score_field 2 kappa mu beta h s 1
    = (kappa + h 0%nat + h 1%nat) - mu * (s 0%nat + s 1%nat).
Proof.
  intros. destruct (softmax_two (fun j => beta * s j)) as [D S].
  unfold score_field, F.
  replace (beta * (s 0%nat - s 1%nat) / 2) with ((beta * s 0%nat - beta * s 1%nat) / 2) by field.
  rewrite <- D. split; [field |].
  replace (kappa + h 0%nat + h 1%nat) with (kappa * 1 + h 0%nat + h 1%nat) by ring.
  rewrite <- S. ring.
Qed.

Lemma bridge_equilibria : forall kappa mu beta h s, 0 < mu -> 0 < beta ->
  (score_field 2 kappa mu beta h s 0 = 0 /\ score_field 2 kappa mu beta h s 1 = 0) <->
  (F (kappa * beta / 2) mu (beta * (h 0%nat - h 1%nat) / 2) (beta * (s 0%nat - s 1%nat) / 2) = 0 /\
   s 0%nat + s 1%nat = (kappa + h 0%nat + h 1%nat) / mu).
Proof.
  intros kappa mu beta h s Hm Hb.
  destruct (bridge_field kappa mu beta h s) as [D S]. rewrite <- D.
  assert (Q : s 0%nat + s 1%nat = (kappa + h 0%nat + h 1%nat) / mu <->
    score_field 2 kappa mu beta h s 0 + score_field 2 kappa mu beta h s 1 = 0).
  { rewrite S. split; intros H; [rewrite H; field; lra |].
    apply (Rmult_eq_reg_l mu); [| lra].
    replace (mu * ((kappa + h 0%nat + h 1%nat) / mu)) with (kappa + h 0%nat + h 1%nat) by (field; lra).
    lra. }
  rewrite Q. clear D S Q. split; [intros [-> ->]; split; ring |].
  intros [A B]. assert (score_field 2 kappa mu beta h s 0 - score_field 2 kappa mu beta h s 1 = 0).
  { apply (Rmult_eq_reg_l (beta / 2)); lra. }
  lra.
Qed.

Lemma bridge_scaling : forall k lam eta u, 0 < lam ->
  F k lam eta u = lam * F (k / lam) 1 (eta / lam) u.
Proof. intros. unfold F. field. lra. Qed.

Lemma bridge_experts : forall K kappa mu beta h s i, (0 < K)%nat -> 0 < mu ->
  beta / mu * score_field K kappa mu beta h s i =
  expert_field K (kappa * beta / (INR K * mu)) (fun j => beta * h j / mu) (fun j => beta * s j) i.
Proof.
  intros. assert (0 < INR K) by now apply lt_0_INR.
  unfold score_field, expert_field. field. lra.
Qed.

(* Mean increment of the discrete rule, per unit of time: expert i is drawn with probability p_i. *)
Lemma rule_drift : forall K kappa mu beta h s j, (j < K)%nat ->
  sum K (fun i => softmax K (fun l => beta * s l) i * (kappa * unit_at i j - mu * s j + h j)) =
  score_field K kappa mu beta h s j.
Proof.
  intros K kappa mu beta h s j L. set (p := softmax K (fun l => beta * s l)).
  rewrite (sum_ext K _ (fun i => kappa * (p i * unit_at j i) + p i * (- mu * s j + h j))).
  - rewrite sum_plus, sum_scal, sum_scal_r, sum_unit by auto.
    unfold p at 2. rewrite softmax_sum by lia. unfold score_field. fold p. ring.
  - intros i _. unfold unit_at. rewrite (Nat.eqb_sym i j). destruct (Nat.eqb j i); ring.
Qed.
