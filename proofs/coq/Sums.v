(* Finite sums. *)
From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions.
Open Scope R_scope.

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof. induction n; simpl; intros H; auto. rewrite IHn, H; auto. Qed.

Lemma sum_plus n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_minus n f g : sum n (fun i => f i - g i) = sum n f - sum n g.
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_opp n f : sum n (fun i => - f i) = - sum n f.
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_scal n c f : sum n (fun i => c * f i) = c * sum n f.
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_scal_r n c f : sum n (fun i => f i * c) = sum n f * c.
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_const n c : sum n (fun _ => c) = INR n * c.
Proof. induction n; [simpl; ring |]. rewrite S_INR. simpl. rewrite IHn. ring. Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. rewrite sum_const. ring. Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof.
  induction n; simpl; intros H; [lra |].
  generalize (IHn (fun i L => H i (Nat.lt_lt_succ_r _ _ L))) (H n (Nat.lt_succ_diag_r n)). lra.
Qed.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  intros H. apply Rminus_le_0. rewrite <- sum_minus. apply sum_nonneg.
  intros i L. generalize (H i L). lra.
Qed.

Lemma sum_ge_term n f i : (i < n)%nat -> (forall i, (i < n)%nat -> 0 <= f i) -> f i <= sum n f.
Proof.
  induction n; [lia |]. intros L H. simpl.
  destruct (Nat.eq_dec i n) as [-> | N].
  - assert (0 <= sum n f) by (apply sum_nonneg; intros; apply H; lia). lra.
  - assert (f i <= sum n f) by (apply IHn; [lia | intros; apply H; lia]).
    generalize (H n ltac:(lia)). lra.
Qed.

Lemma sum_pos n f : (0 < n)%nat -> (forall i, (i < n)%nat -> 0 < f i) -> 0 < sum n f.
Proof.
  intros N H. apply Rlt_le_trans with (f 0%nat); [auto |].
  apply sum_ge_term; auto. intros i L. left. auto.
Qed.

Lemma sum_swap n m f : sum n (fun i => sum m (f i)) = sum m (fun j => sum n (fun i => f i j)).
Proof.
  induction n; simpl; [now rewrite sum_zero |].
  rewrite IHn, sum_plus. reflexivity.
Qed.

Lemma unit_at_same j : unit_at j j = 1.
Proof. unfold unit_at. now rewrite Nat.eqb_refl. Qed.

Lemma unit_at_other j i : i <> j -> unit_at j i = 0.
Proof. intros N. unfold unit_at. apply Nat.eqb_neq in N. now rewrite N. Qed.

Lemma sum_unit n f j : (j < n)%nat -> sum n (fun i => f i * unit_at j i) = f j.
Proof.
  induction n; [lia |]. intros L. simpl.
  destruct (Nat.eq_dec j n) as [<- | N].
  - rewrite unit_at_same, (sum_ext j _ (fun _ => 0)).
    + rewrite sum_zero. ring.
    + intros i I. rewrite unit_at_other by lia. ring.
  - rewrite (unit_at_other j n), IHn by lia. ring.
Qed.

Lemma sum_one_favoured n (f : R -> R) j hi lo : (j < n)%nat ->
  sum n (fun i => f (one_favoured j hi lo i)) = f hi + (INR n - 1) * f lo.
Proof.
  intros L.
  rewrite (sum_ext n _ (fun i => f lo + (f hi - f lo) * unit_at j i)).
  - rewrite sum_plus, sum_const. rewrite (sum_unit n (fun _ => f hi - f lo)) by auto. ring.
  - intros i _. unfold one_favoured, unit_at. destruct (Nat.eqb i j); ring.
Qed.

Lemma is_derive_sum n (f : R -> nat -> R) df t :
  (forall i, (i < n)%nat -> is_derive (fun s => f s i) t (df i)) ->
  is_derive (fun s => sum n (f s)) t (sum n df).
Proof.
  induction n; intros H; simpl.
  - apply @is_derive_const.
  - apply (is_derive_plus (fun s => sum n (f s)) (fun s => f s n)); auto.
Qed.

(* Mean square at least square of the mean. *)
Lemma cauchy_schwarz_ones n w : (sum n w) ^ 2 <= INR n * sum n (fun i => w i ^ 2).
Proof.
  destruct n; [simpl; lra |].
  set (N := INR (S n)). assert (P : 0 < N) by (apply lt_0_INR; lia).
  set (m := sum (S n) w / N).
  assert (H : 0 <= sum (S n) (fun i => w i ^ 2 + (- 2 * m) * w i + m ^ 2)).
  { apply sum_nonneg. intros i _. generalize (pow2_ge_0 (w i - m)). lra. }
  rewrite !sum_plus, sum_scal, sum_const in H. fold N in H.
  assert (E : sum (S n) w = m * N) by (unfold m; field; lra).
  rewrite E in *. nra.
Qed.

Lemma bounded_choice (P : nat -> Prop) n : (forall i, P i \/ ~ P i) ->
  (exists i, (i < n)%nat /\ P i) \/ (forall i, (i < n)%nat -> ~ P i).
Proof.
  intros D. induction n.
  - right. intros; lia.
  - destruct IHn as [(i & L & H) | H].
    + left. exists i. split; [lia | auto].
    + destruct (D n) as [Y | N].
      * left. exists n. split; [lia | auto].
      * right. intros i L. destruct (Nat.eq_dec i n) as [-> | ?]; auto. apply H. lia.
Qed.

(** ** Softmax *)
Lemma exp_sum_pos K v : (0 < K)%nat -> 0 < sum K (fun j => exp (v j)).
Proof. intros H. apply sum_pos; auto. intros. apply exp_pos. Qed.

Lemma softmax_pos K v i : (0 < K)%nat -> 0 < softmax K v i.
Proof. intros H. apply Rdiv_lt_0_compat; [apply exp_pos | now apply exp_sum_pos]. Qed.

Lemma softmax_sum K v : (0 < K)%nat -> sum K (softmax K v) = 1.
Proof.
  intros H. unfold softmax, Rdiv. rewrite sum_scal_r. apply Rinv_r.
  generalize (exp_sum_pos K v H). lra.
Qed.
