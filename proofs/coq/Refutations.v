(* False variants of the statements, refuted: the hypotheses and constants are needed. *)
From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics Equilibria Cusps Sums Bridge
  Experts Transitions.
Open Scope R_scope.

Lemma trap_above : ~ (forall k lam eta, 0 < lam -> has_zeros 1 (F k lam eta)).
Proof.
  intros H. generalize (H 2 1 0 ltac:(lra)). intros One.
  assert (Three : has_zeros 3 (F 2 1 0)).
  { apply zeros_three; try lra. rewrite Rabs_R0. apply eta_fold_pos; lra. }
  discriminate (count_unique _ _ _ One Three).
Qed.

Lemma trap_global : ~ (forall k lam eta c (u : R -> R), 0 < lam -> F k lam eta c = 0 ->
  (forall t, 0 <= t -> is_derive u t (F k lam eta (u t))) -> is_lim u p_infty c).
Proof.
  intros H. destruct (pitchfork_zeros 2 1) as (us & P & Z & _); try lra.
  assert (L : is_lim (fun _ => 0) p_infty us).
  { apply (H 2 1 0 us); [lra | now apply Z; auto |]. intros t _. rewrite F_zero. apply @is_derive_const. }
  apply is_lim_unique in L. rewrite Lim_const in L. injection L. lra.
Qed.

Lemma trap_cubic_double : ~ (forall k mu eta, 0 < k ->
  (has_zeros 2 (cubic k mu eta) <-> 4 * mu ^ 3 - 9 * k * eta ^ 2 = 0)).
Proof.
  intros H. assert (Two : has_zeros 2 (cubic 1 0 0)) by (apply (H 1 0 0); [lra | ring]).
  assert (One : has_zeros 1 (cubic 1 0 0)) by (apply cubic_one; [lra | right; split; reflexivity]).
  discriminate (count_unique _ _ _ One Two).
Qed.

Lemma trap_cubic_exact : ~ (forall k lam eta, 0 < lam -> lam < k ->
  (Rabs eta < eta_fold k lam <-> 9 * k * eta ^ 2 < 4 * (k - lam) ^ 3)).
Proof.
  intros H. set (e := sqrt (4 / 18)).
  assert (E : e ^ 2 = 4 / 18) by (unfold e; rewrite <- Rsqr_pow2, Rsqr_sqrt; lra).
  assert (L : Rabs e < eta_fold 2 1) by (apply cusp_inner; try lra; rewrite E; lra).
  apply H in L; lra.
Qed.

Lemma trap_no_decay : ~ (forall K kappa mu beta s,
  (forall i, (i < K)%nat -> score_field K kappa mu beta no_drive s i = 0) ->
  exists a b, forall i, (i < K)%nat -> s i = a \/ s i = b).
Proof.
  intros H. destruct (H 3%nat 0 0 1 INR) as (a & b & T).
  { intros i _. unfold score_field, no_drive. ring. }
  generalize (T 0%nat ltac:(lia)) (T 1%nat ltac:(lia)) (T 2%nat ltac:(lia)). simpl. lra.
Qed.

Lemma trap_two_experts : ~ (forall K, (2 <= K)%nat -> exists g v, g < 1 /\
  equilibrium K g no_drive v /\ imbalanced K v).
Proof.
  intros H. destruct (H 2%nat (le_n 2)) as (g & v & G & E & i & j & I & J & N).
  apply N. generalize (two_experts_no_window g v ltac:(lra) E). intros Q.
  destruct i as [| [|]], j as [| [|]]; auto; lia.
Qed.

(* Two favoured experts of four: an imbalanced equilibrium, but an unstable one. *)
Definition pair (hi lo : R) (i : nat) : R := if Nat.ltb i 2 then hi else lo.

Lemma pair_equilibrium : let g := 1 / tanh 1 in let lo := 4 * g / (2 * exp 2 + 2) in
  equilibrium 4 g no_drive (pair (lo + 2) lo).
Proof.
  intros g lo i I. generalize (exp_pos 2) (exp_pos lo). intros P Q.
  assert (Y : 1 < exp 2) by (rewrite <- exp_0 at 1; apply exp_increasing; lra).
  assert (T : tanh 1 = (exp 2 - 1) / (exp 2 + 1)).
  { rewrite tanh_exp. now replace (2 * 1) with 2 by ring. }
  assert (G : g = (exp 2 + 1) / (exp 2 - 1)) by (unfold g; rewrite T; field; lra).
  unfold expert_field, softmax, no_drive, pair. simpl sum. simpl INR. rewrite exp_plus.
  destruct (Nat.ltb i 2); rewrite ?exp_plus.
  - replace ((1 + 1 + 1 + 1) * g * (exp lo * exp 2 / (0 + exp lo * exp 2 + exp lo * exp 2 + exp lo + exp lo)))
      with (4 * g * (exp 2 / (2 * exp 2 + 2))) by (field; nra).
    replace (4 * g * (exp 2 / (2 * exp 2 + 2))) with (lo + 4 * g * (exp 2 - 1) / (2 * exp 2 + 2))
      by (unfold lo; field; lra).
    replace (4 * g * (exp 2 - 1) / (2 * exp 2 + 2)) with 2 by (rewrite G; field; lra). ring.
  - replace ((1 + 1 + 1 + 1) * g * (exp lo / (0 + exp lo * exp 2 + exp lo * exp 2 + exp lo + exp lo)))
      with (4 * g * (1 / (2 * exp 2 + 2))) by (field; nra).
    unfold lo. field. lra.
Qed.

Lemma trap_two_favoured : ~ (forall K g v, equilibrium K g no_drive v -> imbalanced K v ->
  exists j lo hi, (j < K)%nat /\ lo < 1 < hi /\
    forall i, (i < K)%nat -> v i = one_favoured j hi lo i).
Proof.
  intros H. set (lo := 4 * (1 / tanh 1) / (2 * exp 2 + 2)).
  destruct (H 4%nat _ _ pair_equilibrium) as (j & a & b & J & O & V).
  { exists 0%nat, 2%nat. repeat split; try lia. unfold pair. simpl. lra. }
  generalize (V 0%nat ltac:(lia)) (V 1%nat ltac:(lia)) (V 2%nat ltac:(lia)) (V 3%nat ltac:(lia)).
  fold lo. unfold pair, one_favoured. simpl.
  destruct j as [| [| [| [|]]]]; simpl; try lra; lia.
Qed.
