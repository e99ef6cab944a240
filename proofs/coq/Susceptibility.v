(* Susceptibility of a router to an added score: derivative of the load, kernel, bounds. *)
From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Sums Experts.
Open Scope R_scope.

Lemma susceptibility_derivative : forall N K beta a s i j, (i < K)%nat -> (j < K)%nat ->
  is_derive (fun t => load N K beta a (along s (unit_at j) t) i) 0
    (beta * chi N (routing K beta a s) i j).
Proof.
  intros N K beta a s i j I J. unfold load, chi.
  replace (beta * (/ INR N * _)) with
    (/ INR N * (beta * sum N (fun n => routing K beta a s n i * unit_at j i
       - routing K beta a s n i * routing K beta a s n j))) by ring.
  rewrite <- sum_scal. apply is_derive_scal. apply is_derive_sum. intros n _. unfold routing.
  evar_last.
  { apply (softmax_curve K (fun t l => beta * (a n l + along s (unit_at j) t l))
      (fun l => beta * unit_at j l)); auto.
    intros l _. unfold along. auto_derive; auto. ring. }
  simpl.
  assert (E : forall l, softmax K (fun m => beta * (a n m + along s (unit_at j) 0 m)) l =
    softmax K (fun m => beta * (a n m + s m)) l).
  { intros l. apply softmax_ext. intros m. now rewrite along_zero. }
  rewrite E. set (p := softmax K (fun m => beta * (a n m + s m))) in *.
  rewrite (sum_ext K _ (fun l => beta * p l * unit_at j l)) by (intros l _; rewrite E; ring).
  rewrite (sum_unit K (fun l => beta * p l)) by auto. ring.
Qed.

Lemma susceptibility_symmetric : forall N p i j, chi N p i j = chi N p j i.
Proof.
  intros. unfold chi. f_equal. apply sum_ext. intros n _.
  destruct (Nat.eq_dec i j) as [-> | H]; auto.
  rewrite !unit_at_other by auto. ring.
Qed.

Lemma susceptibility_kernel : forall N K p i, probabilities N K p -> (i < K)%nat ->
  sum K (chi N p i) = 0.
Proof.
  intros N K p i H I. unfold chi. rewrite sum_scal.
  rewrite <- (sum_swap N K (fun n j => p n i * unit_at j i - p n i * p n j)).
  rewrite (sum_ext N _ (fun _ => 0)); [rewrite sum_zero; ring |].
  intros n L. destruct (H n L) as [_ S]. rewrite sum_minus, (sum_scal K (p n i) (p n)), S.
  rewrite (sum_ext K _ (fun j => p n i * unit_at i j)).
  - rewrite (sum_unit K (fun _ => p n i)) by auto. ring.
  - intros j _. unfold unit_at. now rewrite Nat.eqb_sym.
Qed.

(** ** The quadratic form is an average of variances *)
Definition variance (K : nat) (p w : nat -> R) : R :=
  sum K (fun i => p i * w i ^ 2) - sum K (fun i => p i * w i) ^ 2.

Lemma form_variance N K p w : form K (chi N p) w = / INR N * sum N (fun n => variance K (p n) w).
Proof.
  unfold form, chi.
  rewrite (sum_ext K _ (fun i => / INR N * sum N (fun n => p n i * w i ^ 2
    - p n i * w i * sum K (fun j => p n j * w j)))).
  - rewrite sum_scal. f_equal. rewrite <- (sum_swap N K). apply sum_ext. intros n _.
    unfold variance. rewrite sum_minus, sum_scal_r. ring.
  - intros i I.
    rewrite (sum_ext K _ (fun j => / INR N * sum N (fun n => w i * (p n i * unit_at j i - p n i * p n j) * w j))).
    + rewrite sum_scal. f_equal.
      rewrite <- (sum_swap N K (fun n j => w i * (p n i * unit_at j i - p n i * p n j) * w j)).
      apply sum_ext. intros n _.
      rewrite (sum_ext K _ (fun j => (w i * p n i * w j) * unit_at i j - (w i * p n i) * (p n j * w j))).
      * rewrite sum_minus, sum_scal, (sum_unit K (fun j => w i * p n i * w j)) by auto. ring.
      * intros j _. unfold unit_at. rewrite (Nat.eqb_sym i j). ring.
    + intros j _. rewrite sum_scal_r, sum_scal. ring.
Qed.

Lemma variance_about K p w c : sum K p = 1 ->
  sum K (fun i => p i * (w i - c) ^ 2) = variance K p w + (sum K (fun i => p i * w i) - c) ^ 2.
Proof.
  intros S. unfold variance.
  rewrite (sum_ext K _ (fun i => p i * w i ^ 2 + (- 2 * c) * (p i * w i) + c ^ 2 * p i))
    by (intros; ring).
  rewrite !sum_plus, !sum_scal, S. ring.
Qed.

Lemma variance_nonneg K p w : (forall i, (i < K)%nat -> 0 <= p i) -> sum K p = 1 ->
  0 <= variance K p w.
Proof.
  intros P S. set (m := sum K (fun i => p i * w i)).
  replace (variance K p w) with (sum K (fun i => p i * (w i - m) ^ 2)).
  - apply sum_nonneg. intros i L. apply Rmult_le_pos; auto. apply pow2_ge_0.
  - rewrite variance_about by auto. fold m. ring.
Qed.

Lemma inv_nat_nonneg N : 0 <= / INR N.
Proof.
  destruct N; [simpl; rewrite Rinv_0; lra |].
  left. apply Rinv_0_lt_compat, lt_0_INR. lia.
Qed.

Lemma susceptibility_psd : forall N K p w, probabilities N K p -> 0 <= form K (chi N p) w.
Proof.
  intros N K p w H. rewrite form_variance. apply Rmult_le_pos; [apply inv_nat_nonneg |].
  apply sum_nonneg. intros n L. destruct (H n L). now apply variance_nonneg.
Qed.

Lemma susceptibility_kernel_only : forall N K p w, (0 < N)%nat -> probabilities N K p ->
  (forall n i, (n < N)%nat -> (i < K)%nat -> 0 < p n i) -> form K (chi N p) w = 0 ->
  exists c, forall i, (i < K)%nat -> w i = c.
Proof.
  intros N K p w HN H Pos Z. rewrite form_variance in Z.
  assert (PN : 0 < INR N) by now apply lt_0_INR.
  assert (S : sum N (fun n => variance K (p n) w) = 0).
  { apply (Rmult_eq_reg_l (/ INR N)); [lra |]. apply Rinv_neq_0_compat. lra. }
  assert (V : variance K (p 0%nat) w = 0).
  { apply Rle_antisym.
    - rewrite <- S. apply (sum_ge_term N (fun n => variance K (p n) w)); auto.
      intros n L. destruct (H n L). now apply variance_nonneg.
    - destruct (H 0%nat HN). now apply variance_nonneg. }
  set (m := sum K (fun i => p 0%nat i * w i)). exists m. intros i I.
  assert (Q : sum K (fun i => p 0%nat i * (w i - m) ^ 2) = 0).
  { rewrite variance_about by (destruct (H 0%nat HN); auto). fold m. rewrite V. ring. }
  assert (T : p 0%nat i * (w i - m) ^ 2 <= 0).
  { rewrite <- Q. apply (sum_ge_term K (fun i => p 0%nat i * (w i - m) ^ 2)); auto.
    intros l L. apply Rmult_le_pos; [left; auto | apply pow2_ge_0]. }
  generalize (Pos 0%nat i HN I). intros P.
  destruct (Req_dec (w i - m) 0) as [E | E]; [lra |].
  apply pow2_gt_0 in E. nra.
Qed.

Lemma susceptibility_uniform : forall N K w i, (0 < N)%nat -> (i < K)%nat -> sum K w = 0 ->
  sum K (fun j => chi N (fun _ _ => / INR K) i j * w j) = w i / INR K.
Proof.
  intros N K w i HN I W. assert (0 < INR N) by now apply lt_0_INR.
  assert (0 < INR K) by (apply lt_0_INR; lia).
  unfold chi.
  rewrite (sum_ext K _ (fun j => / INR K * w j * unit_at i j - (/ INR K) ^ 2 * w j)).
  - rewrite sum_minus, sum_scal, W, (sum_unit K (fun j => / INR K * w j)) by auto. field. lra.
  - intros j _. rewrite sum_const. unfold unit_at. rewrite (Nat.eqb_sym i j). field. lra.
Qed.

(** ** Half is the largest possible eigenvalue *)
Lemma exists_max n (w : nat -> R) : (0 < n)%nat ->
  exists j, (j < n)%nat /\ forall i, (i < n)%nat -> w i <= w j.
Proof.
  induction n; [lia |]. intros _. destruct n as [| n].
  - exists 0%nat. split; auto. intros i L. replace i with 0%nat by lia. lra.
  - destruct IHn as (j & J & H); [lia |].
    destruct (Rle_or_lt (w (S n)) (w j)) as [L | L].
    + exists j. split; [lia |]. intros i I. destruct (Nat.eq_dec i (S n)) as [-> | N]; auto.
      apply H. lia.
    + exists (S n). split; [lia |]. intros i I. destruct (Nat.eq_dec i (S n)) as [-> | N]; [lra |].
      generalize (H i ltac:(lia)). lra.
Qed.

Lemma two_terms K (w : nat -> R) a b : (a < K)%nat -> (b < K)%nat -> a <> b ->
  w a ^ 2 + w b ^ 2 <= sum K (fun i => w i ^ 2).
Proof.
  intros A B N.
  assert (H : 0 <= sum K (fun i => w i ^ 2 - (w i ^ 2 * unit_at a i + w i ^ 2 * unit_at b i))).
  { apply sum_nonneg. intros i _. generalize (pow2_ge_0 (w i)). intros.
    destruct (Nat.eq_dec i a) as [-> | Na].
    - rewrite unit_at_same, (unit_at_other b a) by auto. lra.
    - rewrite (unit_at_other a i) by auto. destruct (Nat.eq_dec i b) as [-> | Nb].
      + rewrite unit_at_same. lra.
      + rewrite unit_at_other by auto. lra. }
  rewrite sum_minus, sum_plus, !(sum_unit K (fun i => w i ^ 2)) in H by auto. lra.
Qed.

Lemma variance_half K p w : (0 < K)%nat -> (forall i, (i < K)%nat -> 0 <= p i) -> sum K p = 1 ->
  variance K p w <= / 2 * sum K (fun i => w i ^ 2).
Proof.
  intros HK P S.
  destruct (exists_max K w HK) as (a & A & Ha), (exists_max K (fun i => - w i) HK) as (b & B & Hb).
  set (c := (w a + w b) / 2).
  assert (V : variance K p w <= ((w a - w b) / 2) ^ 2).
  { apply Rle_trans with (sum K (fun i => p i * (w i - c) ^ 2)).
    - rewrite variance_about by auto. generalize (pow2_ge_0 (sum K (fun i => p i * w i) - c)). lra.
    - apply Rle_trans with (sum K (fun i => ((w a - w b) / 2) ^ 2 * p i)).
      + apply sum_le. intros i I. rewrite (Rmult_comm _ (p i)). apply Rmult_le_compat_l; auto.
        generalize (Ha i I) (Hb i I). unfold c. nra.
      + rewrite sum_scal, S. lra. }
  destruct (Nat.eq_dec a b) as [<- | N].
  - replace ((w a - w a) / 2) with 0 in V by field.
    assert (0 <= sum K (fun i => w i ^ 2)) by (apply sum_nonneg; intros; apply pow2_ge_0). lra.
  - generalize (two_terms K w a b A B N) (pow2_ge_0 (w a + w b)). intros T Q.
    assert (((w a - w b) / 2) ^ 2 <= (w a ^ 2 + w b ^ 2) / 2) by lra. lra.
Qed.

Lemma susceptibility_bound : forall N K p w, (0 < N)%nat -> (0 < K)%nat -> probabilities N K p ->
  form K (chi N p) w <= / 2 * sum K (fun i => w i ^ 2).
Proof.
  intros N K p w HN HK H. rewrite form_variance. assert (0 < INR N) by now apply lt_0_INR.
  apply Rle_trans with (/ INR N * sum N (fun _ => / 2 * sum K (fun i => w i ^ 2))).
  - apply Rmult_le_compat_l; [apply inv_nat_nonneg |]. apply sum_le. intros n L.
    destruct (H n L). now apply variance_half.
  - rewrite sum_const. right. field. lra.
Qed.

(* Whatever the tokens, feedback below 2 mu / beta leaves every state linearly stable. *)
Lemma no_collapse_below : forall N K kappa mu beta a s w,
  (0 < N)%nat -> 0 < kappa -> 0 < beta -> kappa * beta < 2 * mu ->
  (exists i, (i < K)%nat /\ w i <> 0) ->
  kappa * beta * form K (chi N (routing K beta a s)) w - mu * sum K (fun i => w i ^ 2) < 0.
Proof.
  intros N K kappa mu beta a s w HN Hk Hb L W.
  assert (HK : (0 < K)%nat) by (destruct W as (i & I & _); lia).
  generalize (sum_sq_pos K w W). intros Q.
  assert (B : form K (chi N (routing K beta a s)) w <= / 2 * sum K (fun i => w i ^ 2)).
  { apply susceptibility_bound; auto. intros n _. unfold routing. split.
    - intros i _. left. now apply softmax_pos.
    - now apply softmax_sum. }
  assert (0 < kappa * beta) by nra. nra.
Qed.

(** ** Weak feedback: Phi is convex, one equilibrium whatever the drive *)
Lemma hess_convex K g v w : 0 <= g -> INR K * g < 2 -> (exists i, (i < K)%nat /\ w i <> 0) ->
  0 < hess K g v w.
Proof.
  intros Hg Hk W. assert (HK : (0 < K)%nat) by (destruct W as (i & I & _); lia).
  generalize (sum_sq_pos K w W). intros Q.
  assert (B : variance K (softmax K v) w <= / 2 * sum K (fun i => w i ^ 2)).
  { apply variance_half; auto; [| now apply softmax_sum]. intros. left. now apply softmax_pos. }
  assert (A : 0 <= variance K (softmax K v) w).
  { apply variance_nonneg; [| now apply softmax_sum]. intros. left. now apply softmax_pos. }
  assert (G : 0 <= INR K * g) by (apply Rmult_le_pos; [apply pos_INR | auto]).
  unfold hess. fold (variance K (softmax K v) w). nra.
Qed.

Lemma expert_convex : forall K g eta v, 0 <= g -> INR K * g < 2 -> stable K g eta v.
Proof.
  intros K g eta v Hg Hk w W. rewrite hessian_formula.
  - now apply hess_convex.
  - destruct W as (i & I & _). lia.
Qed.

Lemma expert_unique : forall K g eta v v', 0 <= g -> INR K * g < 2 ->
  equilibrium K g eta v -> equilibrium K g eta v' -> forall i, (i < K)%nat -> v i = v' i.
Proof.
  intros K g eta v v' Hg Hk E E' i I.
  destruct (Req_dec (v i) (v' i)) as [| N]; auto. exfalso.
  assert (HK : (0 < K)%nat) by lia.
  set (w := fun j => v' j - v j).
  assert (W : exists j, (j < K)%nat /\ w j <> 0) by (exists i; split; auto; unfold w; lra).
  set (phi := fun t => - sum K (fun j => w j * expert_field K g eta (along v w t) j)).
  assert (Z : forall t x, (forall j, along v w t j = x j) -> equilibrium K g eta x -> phi t = 0).
  { intros t x X Q. unfold phi. rewrite (sum_ext K _ (fun _ => 0)).
    - rewrite sum_zero. ring.
    - intros j J. replace (expert_field K g eta (along v w t) j) with (expert_field K g eta x j).
      + rewrite (Q j J). ring.
      + unfold expert_field. now rewrite (softmax_ext K x (along v w t)), X. }
  assert (A0 : phi 0 = 0) by (apply (Z 0 v); auto; intros; apply along_zero).
  assert (A1 : phi 1 = 0) by (apply (Z 1 v'); auto; intros; unfold along, w; ring).
  assert (L : phi 0 < phi 1); [| lra].
  apply (increasing_on phi (fun t => hess K g (along v w t) w)); [| lra |].
  - intros t. now apply slope_derive.
  - intros t _. now apply hess_convex.
Qed.

(** ** Weak feedback: any two solutions approach each other *)
Lemma hess_lower K g v w : (0 < K)%nat -> 0 <= g ->
  (1 - INR K * g / 2) * sum K (fun i => w i ^ 2) <= hess K g v w.
Proof.
  intros HK Hg.
  assert (B : variance K (softmax K v) w <= / 2 * sum K (fun i => w i ^ 2)).
  { apply variance_half; auto; [| now apply softmax_sum]. intros. left. now apply softmax_pos. }
  assert (G : 0 <= INR K * g) by (apply Rmult_le_pos; [apply pos_INR | auto]).
  unfold hess. fold (variance K (softmax K v) w).
  generalize (Rmult_le_compat_l _ _ _ G B). lra.
Qed.

Lemma expert_field_ext K g eta v v' i : (forall j, v j = v' j) ->
  expert_field K g eta v i = expert_field K g eta v' i.
Proof. intros E. unfold expert_field. now rewrite (softmax_ext K v v'), E. Qed.

Lemma one_sided K g eta v v' : (0 < K)%nat -> 0 <= g ->
  sum K (fun i => (v' i - v i) * (expert_field K g eta v' i - expert_field K g eta v i)) <=
  - (1 - INR K * g / 2) * sum K (fun i => (v' i - v i) ^ 2).
Proof.
  intros HK Hg. set (w := fun i => v' i - v i).
  set (phi := fun t => - sum K (fun i => w i * expert_field K g eta (along v w t) i)).
  destruct (mvt phi (fun t => hess K g (along v w t) w)
    (fun t => slope_derive K g eta v w t HK) 0 1 Rlt_0_1) as (c & E & _).
  generalize (hess_lower K g (along v w c) w HK Hg). intros L.
  assert (Z : sum K (fun i => (v' i - v i) * (expert_field K g eta v' i - expert_field K g eta v i))
    = - (phi 1 - phi 0)).
  { unfold phi. transitivity (sum K (fun i => w i * expert_field K g eta (along v w 1) i
      - w i * expert_field K g eta (along v w 0) i)).
    - apply sum_ext. intros i _.
      rewrite (expert_field_ext K g eta (along v w 0) v), (expert_field_ext K g eta (along v w 1) v').
      + unfold w. ring.
      + intros. unfold along, w. ring.
      + intros. unfold along, w. ring.
    - rewrite sum_minus. ring. }
  rewrite Z, E. change (sum K (fun i => (v' i - v i) ^ 2)) with (sum K (fun i => w i ^ 2)). lra.
Qed.

Lemma expert_contraction : forall K g eta (v v' : R -> nat -> R), (0 < K)%nat -> 0 <= g ->
  (forall t i, 0 <= t -> (i < K)%nat -> is_derive (fun s => v s i) t (expert_field K g eta (v t) i)) ->
  (forall t i, 0 <= t -> (i < K)%nat -> is_derive (fun s => v' s i) t (expert_field K g eta (v' t) i)) ->
  forall t, 0 <= t ->
  sum K (fun i => (v' t i - v t i) ^ 2) <=
  sum K (fun i => (v' 0 i - v 0 i) ^ 2) * exp (- (2 - INR K * g) * t).
Proof.
  intros K g eta v v' HK Hg S S' t Ht.
  set (r := 2 - INR K * g). set (e := fun s => sum K (fun i => (v' s i - v s i) ^ 2)).
  set (de := fun s => 2 * sum K (fun i => (v' s i - v s i)
    * (expert_field K g eta (v' s) i - expert_field K g eta (v s) i))).
  assert (De : forall s, 0 <= s -> is_derive e s (de s)).
  { intros s P. unfold e, de. rewrite <- sum_scal. apply is_derive_sum. intros i I.
    evar_last.
    { apply (is_derive_comp (fun y => y ^ 2) (fun s => v' s i - v s i) s).
      - instantiate (1 := 2 * (v' s i - v s i)). auto_derive; auto. ring.
      - apply @is_derive_minus; auto. }
    unfold minus, plus, opp, scal; simpl; unfold mult; simpl. ring. }
  assert (N : forall s, de s + r * e s <= 0).
  { intros s. unfold de, e, r. generalize (one_sided K g eta (v s) (v' s) HK Hg). lra. }
  assert (D : forall s, 0 <= s -> is_derive (fun s => e s * exp (r * s)) s ((de s + r * e s) * exp (r * s))).
  { intros s P. evar_last.
    { apply @is_derive_mult; [now apply De | | intros; apply Rmult_comm].
      instantiate (1 := r * exp (r * s)). auto_derive; auto. ring. }
    unfold plus, mult; simpl. ring. }
  assert (M : e t * exp (r * t) <= e 0).
  { destruct Ht as [Ht | <-]; [| rewrite Rmult_0_r, exp_0; lra].
    destruct (MVT_cor2 (fun s => e s * exp (r * s)) _ 0 t Ht
      (fun s I => proj1 (is_derive_Reals _ _ _) (D s (proj1 I)))) as (s & E & I).
    rewrite Rmult_0_r, exp_0 in E. generalize (N s) (exp_pos (r * s)). intros Ns Es.
    assert (0 <= - (de s + r * e s) * exp (r * s) * t) by (repeat apply Rmult_le_pos; lra).
    lra. }
  change (e t <= e 0 * exp (- r * t)).
  apply (Rmult_le_reg_r (exp (r * t))); [apply exp_pos |].
  replace (- r * t) with (- (r * t)) by ring.
  replace (e 0 * exp (- (r * t)) * exp (r * t)) with (e 0 * (exp (r * t) * exp (- (r * t)))) by ring.
  rewrite exp_mul_neg. lra.
Qed.
