(* Free routing probabilities: the loss is convex, so where its slopes are equal in every row it is least. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Sums.
Open Scope R_scope.

Lemma ln_below z : 0 < z -> ln z <= z - 1.
Proof.
  intros Z. generalize (exp_ineq1_le (ln z)). rewrite exp_ln by assumption. lra.
Qed.

Lemma ln_strictly_below z : 0 < z -> z <> 1 -> ln z < z - 1.
Proof.
  intros Z N. assert (L : ln z <> 0).
  { intros E. apply N. rewrite <- (exp_ln z), E by assumption. apply exp_0. }
  generalize (exp_ineq1 (ln z) L). rewrite exp_ln by assumption. lra.
Qed.

(* What x ln (k x) exceeds its tangent at y by. *)
Definition gap (k x y : R) : R := x * ln (k * x) - y * ln (k * y) - (ln (k * y) + 1) * (x - y).

Lemma gap_as_ratio k x y : 0 < k -> 0 < x -> 0 < y -> gap k x y = x * (y / x - 1 - ln (y / x)).
Proof.
  intros K X Y. unfold gap. rewrite !ln_mult by assumption.
  replace (ln (y / x)) with (ln y - ln x).
  - field. lra.
  - unfold Rdiv. rewrite ln_mult, ln_Rinv by (try apply Rinv_0_lt_compat; assumption). ring.
Qed.

Lemma gap_nonneg k x y : 0 < k -> 0 < x -> 0 < y -> 0 <= gap k x y.
Proof.
  intros K X Y. rewrite gap_as_ratio by assumption.
  apply Rmult_le_pos; [lra |].
  generalize (ln_below (y / x) (Rdiv_lt_0_compat _ _ Y X)). lra.
Qed.

Lemma gap_pos x y : 0 < x -> 0 < y -> x <> y -> 0 < gap 1 x y.
Proof.
  intros X Y N. rewrite gap_as_ratio by lra.
  apply Rmult_lt_0_compat; [lra |].
  assert (y / x <> 1). { intros E. apply N. field_simplify_eq in E; lra. }
  generalize (ln_strictly_below (y / x) (Rdiv_lt_0_compat _ _ Y X) H). lra.
Qed.

Lemma ln_tangent x y : 0 < x -> 0 < y -> - ln x >= - ln y - (x - y) / y.
Proof.
  intros X Y. generalize (ln_below (x / y) (Rdiv_lt_0_compat _ _ X Y)).
  unfold Rdiv at 1. rewrite ln_mult, ln_Rinv by (try apply Rinv_0_lt_compat; assumption).
  replace ((x - y) / y) with (x / y - 1) by (field; lra). lra.
Qed.

Section Minimum.
Variables (C K : nat) (t : nat -> nat) (f : nat -> R) (H O B : R) (p q : nat -> nat -> R).
Hypothesis classes : (0 < C)%nat.
Hypothesis targets : forall c, (c < C)%nat -> (t c < K)%nat.
Hypothesis h : 0 <= H.
Hypothesis o : 0 <= O.
Hypothesis b : 0 <= B.
Hypothesis here : free C K p.
Hypothesis there : free C K q.

Let d c e := q c e - p c e.

Lemma some_experts : (0 < K)%nat.
Proof. generalize (targets 0%nat classes). lia. Qed.

Lemma mean_pos s e : free C K s -> (e < K)%nat -> 0 < class_mean C s e.
Proof.
  intros F E. unfold class_mean. apply Rmult_lt_0_compat.
  - apply Rinv_0_lt_compat, lt_0_INR, classes.
  - apply sum_pos; [exact classes |]. intros c L. apply F; assumption.
Qed.

Lemma mean_difference e : class_mean C q e - class_mean C p e = / INR C * sum C (fun c => d c e).
Proof. unfold class_mean, d. rewrite sum_minus. ring. Qed.

(* The slopes' part of the balance term, class by class. *)
Lemma balance_by_class (g : nat -> R) :
  sum K (fun e => g e * (class_mean C q e - class_mean C p e)) =
  / INR C * sum C (fun c => sum K (fun e => g e * d c e)).
Proof.
  rewrite sum_swap, <- sum_scal. apply sum_ext. intros e L. rewrite mean_difference.
  rewrite (sum_scal C (g e) (fun c => d c e)). ring.
Qed.

Lemma row_part c : (c < C)%nat ->
  - O * ln (q c (t c)) + H * sum K (fun e => q c e * ln (q c e))
  - (- O * ln (p c (t c)) + H * sum K (fun e => p c e * ln (p c e)))
  >= sum K (fun e => (- O / p c e * unit_at (t c) e + H * (ln (p c e) + 1)) * d c e)
     + H * sum K (fun e => gap 1 (q c e) (p c e)).
Proof.
  intros L. destruct (here c L) as [P _], (there c L) as [Q _].
  assert (T := targets c L).
  assert (E1 : sum K (fun e => (- O / p c e * unit_at (t c) e + H * (ln (p c e) + 1)) * d c e) =
    - O * (d c (t c) / p c (t c)) + H * sum K (fun e => (ln (p c e) + 1) * d c e)).
  { rewrite (sum_ext K _ (fun e => (- O / p c e * d c e) * unit_at (t c) e + H * ((ln (p c e) + 1) * d c e))).
    - rewrite sum_plus, sum_unit, sum_scal by assumption. unfold Rdiv. ring.
    - intros e _. ring. }
  assert (E2 : sum K (fun e => gap 1 (q c e) (p c e)) =
    sum K (fun e => q c e * ln (q c e)) - sum K (fun e => p c e * ln (p c e))
    - sum K (fun e => (ln (p c e) + 1) * d c e)).
  { rewrite <- !sum_minus. apply sum_ext. intros e _. unfold gap, d. rewrite !Rmult_1_l. ring. }
  rewrite E1, E2.
  generalize (ln_tangent (q c (t c)) (p c (t c)) (Q _ T) (P _ T)). fold (d c (t c)). intros N.
  assert (O * (- ln (q c (t c)) + ln (p c (t c)) + d c (t c) / p c (t c)) >= 0).
  { apply Rle_ge, Rmult_le_pos; lra. }
  lra.
Qed.

Lemma balance_part :
  sum K (fun e => class_mean C q e * ln (INR K * class_mean C q e))
  + INR K * sum K (fun e => (f e - / INR K) * class_mean C q e)
  - (sum K (fun e => class_mean C p e * ln (INR K * class_mean C p e))
  + INR K * sum K (fun e => (f e - / INR K) * class_mean C p e))
  >= / INR C * sum C (fun c => sum K (fun e =>
       (ln (INR K * class_mean C p e) + 1 + INR K * (f e - / INR K)) * d c e)).
Proof.
  rewrite <- balance_by_class.
  assert (0 < INR K) by (apply lt_0_INR, some_experts).
  assert (G : 0 <= sum K (fun e => gap (INR K) (class_mean C q e) (class_mean C p e))).
  { apply sum_nonneg. intros e L. apply gap_nonneg; [assumption | |]; apply mean_pos; assumption. }
  apply Rle_ge, Rminus_le_0. eapply Rle_trans; [exact G |]. right.
  rewrite <- !(sum_scal K (INR K)), <- !sum_plus, <- !sum_minus. apply sum_ext. intros e _. unfold gap. ring.
Qed.

Variable nu : nat -> R.
Hypothesis level : forall c e, (c < C)%nat -> (e < K)%nat -> free_slope C K t f H O B p c e = nu c.

Lemma slopes_vanish c : (c < C)%nat -> sum K (fun e => free_slope C K t f H O B p c e * d c e) = 0.
Proof.
  intros L. rewrite (sum_ext K _ (fun e => nu c * d c e)).
  - rewrite sum_scal. unfold d. rewrite sum_minus.
    destruct (here c L) as [_ P], (there c L) as [_ Q]. rewrite P, Q. ring.
  - intros e E. rewrite level by assumption. reflexivity.
Qed.

Lemma above : free_loss C K t f H O B q - free_loss C K t f H O B p >=
  H * (/ INR C * sum C (fun c => sum K (fun e => gap 1 (q c e) (p c e)))).
Proof.
  assert (0 < / INR C) by (apply Rinv_0_lt_compat, lt_0_INR, classes).
  set (rows s := sum C (fun c => - O * ln (s c (t c)) + H * sum K (fun e => s c e * ln (s c e)))).
  assert (R : rows q - rows p >= sum C (fun c =>
    sum K (fun e => (- O / p c e * unit_at (t c) e + H * (ln (p c e) + 1)) * d c e)
    + H * sum K (fun e => gap 1 (q c e) (p c e)))).
  { unfold rows. rewrite <- sum_minus. apply Rle_ge, sum_le. intros c L. apply Rge_le, row_part, L. }
  rewrite sum_plus, sum_scal in R.
  assert (Z : sum C (fun c => sum K (fun e => (- O / p c e * unit_at (t c) e + H * (ln (p c e) + 1)) * d c e))
    + B * sum C (fun c => sum K (fun e =>
       (ln (INR K * class_mean C p e) + 1 + INR K * (f e - / INR K)) * d c e)) = 0).
  { rewrite <- sum_scal, <- sum_plus, <- (sum_zero C). apply sum_ext. intros c L.
    rewrite <- (slopes_vanish c L), <- sum_scal, <- sum_plus. apply sum_ext. intros e _.
    unfold free_slope. ring. }
  generalize balance_part. intros P.
  apply Rge_le in R. apply Rge_le in P.
  apply (Rmult_le_compat_l _ _ _ (Rlt_le _ _ H0)) in R.
  apply (Rmult_le_compat_l _ _ _ b) in P.
  apply Rle_ge. unfold free_loss. fold (rows q) (rows p).
  apply (f_equal (Rmult (/ INR C))) in Z. rewrite Rmult_0_r in Z. lra.
Qed.

Lemma minimum : free_loss C K t f H O B p <= free_loss C K t f H O B q.
Proof.
  generalize above. intros A.
  assert (0 <= H * (/ INR C * sum C (fun c => sum K (fun e => gap 1 (q c e) (p c e))))); [| lra].
  apply Rmult_le_pos; [exact h |]. apply Rmult_le_pos.
  - left. apply Rinv_0_lt_compat, lt_0_INR, classes.
  - apply sum_nonneg. intros c L. apply sum_nonneg. intros e E.
    apply gap_nonneg; [lra | apply there | apply here]; assumption.
Qed.

Lemma unique : 0 < H -> free_loss C K t f H O B q <= free_loss C K t f H O B p ->
  forall c e, (c < C)%nat -> (e < K)%nat -> q c e = p c e.
Proof.
  intros Hp Le c e L E. destruct (Req_dec (q c e) (p c e)) as [| N]; [assumption | exfalso].
  destruct (here c L) as [P _], (there c L) as [Q _].
  assert (G := gap_pos _ _ (Q e E) (P e E) N).
  assert (S1 : gap 1 (q c e) (p c e) <= sum K (fun i => gap 1 (q c i) (p c i))).
  { apply (sum_ge_term K (fun i => gap 1 (q c i) (p c i))); [exact E |].
    intros i I. apply gap_nonneg; [lra | apply Q | apply P]; assumption. }
  assert (S2 : sum K (fun i => gap 1 (q c i) (p c i)) <= sum C (fun j => sum K (fun i => gap 1 (q j i) (p j i)))).
  { apply (sum_ge_term C (fun j => sum K (fun i => gap 1 (q j i) (p j i)))); [exact L |].
    intros j J. apply sum_nonneg. intros i I.
    apply gap_nonneg; [lra | apply there | apply here]; assumption. }
  generalize above. intros A.
  assert (0 < H * (/ INR C * sum C (fun c => sum K (fun e => gap 1 (q c e) (p c e))))); [| lra].
  apply Rmult_lt_0_compat; [assumption |]. apply Rmult_lt_0_compat; [| lra].
  apply Rinv_0_lt_compat, lt_0_INR, classes.
Qed.
End Minimum.

(* Three values in a row: which they are. *)
Lemma sum_two_parts C n g r : sum (C + n) (fun e => if Nat.ltb e C then g e else r) = sum C g + INR n * r.
Proof.
  induction n.
  - rewrite Nat.add_0_r. simpl. rewrite Rmult_0_l, Rplus_0_r. apply sum_ext. intros i L.
    apply Nat.ltb_lt in L. now rewrite L.
  - rewrite Nat.add_succ_r, S_INR. simpl. rewrite IHn.
    replace (Nat.ltb (C + n) C) with false by (symmetry; apply Nat.ltb_ge; lia). ring.
Qed.

Lemma sum_favoured n j hi lo : (j < n)%nat -> sum n (one_favoured j hi lo) = hi + (INR n - 1) * lo.
Proof.
  intros L. rewrite (sum_ext n _ (fun i => (hi - lo) * unit_at j i + lo)).
  - rewrite sum_plus, sum_const, (sum_unit n (fun _ => hi - lo)) by assumption. ring.
  - intros i _. unfold one_favoured, unit_at. destruct (Nat.eqb i j); ring.
Qed.

Section Values.
Variables (C n : nat) (f1 f0 H O B a b r : R).
Hypothesis classes : (0 < C)%nat.
Hypothesis positive : 0 < a /\ 0 < b /\ 0 < r.
Hypothesis row : a + (INR C - 1) * b + INR n * r = 1.
Let K := (C + n)%nat.
Let P := (1 - INR n * r) / INR C.
Let D := INR K * (f1 - f0).
Let p := three_values C a b r.

Lemma three_free : free C K p.
Proof.
  intros c L. split.
  - intros e _. unfold p, three_values, one_favoured. destruct (Nat.ltb e C), (Nat.eqb e c); lra.
  - unfold p, three_values, K. rewrite (sum_two_parts C n (one_favoured c a b) r), sum_favoured by assumption. lra.
Qed.

Lemma mean_of_target e : (e < C)%nat -> class_mean C p e = P.
Proof.
  intros L. unfold class_mean, p, three_values. apply Nat.ltb_lt in L as T. rewrite T.
  rewrite (sum_ext C _ (one_favoured e a b)).
  - rewrite sum_favoured by assumption. unfold P. replace (1 - INR n * r) with (a + (INR C - 1) * b) by lra.
    unfold Rdiv. ring.
  - intros c _. unfold one_favoured. now rewrite Nat.eqb_sym.
Qed.

Lemma mean_of_other e : (C <= e)%nat -> class_mean C p e = r.
Proof.
  intros L. unfold class_mean, p, three_values. apply Nat.ltb_ge in L as T. rewrite T, sum_const.
  field. apply not_0_INR. lia.
Qed.

Hypothesis others : (0 < n)%nat.
Hypothesis own : - O / a + H * (ln a - ln r) + B * (ln P - ln r + D) = 0.
Hypothesis other : (1 < C)%nat -> H * (ln b - ln r) + B * (ln P - ln r + D) = 0.

Lemma target_mean_pos : 0 < P.
Proof.
  unfold P. apply Rdiv_lt_0_compat; [| apply lt_0_INR, classes].
  replace (1 - INR n * r) with (a + (INR C - 1) * b) by lra.
  assert (1 <= INR C) by (apply (le_INR 1); exact classes).
  assert (0 <= (INR C - 1) * b) by (apply Rmult_le_pos; lra). lra.
Qed.

Lemma three_level c e : (c < C)%nat -> (e < K)%nat ->
  free_slope C K (fun i => i) (two_counts C f1 f0) H O B p c e =
  H * (ln r + 1) + B * (ln (INR K * r) + 1 + INR K * (f0 - / INR K)).
Proof.
  intros L E. assert (Kp : 0 < INR K) by (apply lt_0_INR; unfold K; lia).
  assert (Pp := target_mean_pos).
  unfold free_slope, two_counts. destruct (Nat.ltb e C) eqn:T.
  - apply Nat.ltb_lt in T as T'. rewrite mean_of_target by assumption. unfold p, three_values. rewrite T.
    unfold one_favoured, unit_at. rewrite (ln_mult (INR K) P), (ln_mult (INR K) r) by lra.
    assert (Dk : D = INR K * (f1 - / INR K) - INR K * (f0 - / INR K)) by (unfold D; ring).
    destruct (Nat.eqb e c) eqn:S.
    + generalize own. rewrite Dk. lra.
    + apply Nat.eqb_neq in S. assert (M : (1 < C)%nat) by lia.
      generalize (other M). rewrite Dk. lra.
  - apply Nat.ltb_ge in T as T'. rewrite mean_of_other by assumption. unfold p, three_values. rewrite T.
    unfold unit_at. replace (Nat.eqb e c) with false by (symmetry; apply Nat.eqb_neq; lia). unfold Rdiv. ring.
Qed.

(* The rule: what leaks away from the targets only lowers r. *)
Lemma rule : 0 <= O -> 0 <= H -> 0 <= B -> (H + B) * ln r <= - (O + B * (ln (INR C) - D)).
Proof.
  intros o h k. assert (Cp : 0 < INR C) by (apply lt_0_INR, classes).
  assert (C1 : 1 <= INR C) by (apply (le_INR 1); exact classes).
  assert (n1 : 0 <= INR n * r) by (apply Rmult_le_pos; [apply pos_INR | lra]).
  assert (b1 : 0 <= (INR C - 1) * b) by (apply Rmult_le_pos; lra).
  assert (La : ln a <= 0). { generalize (ln_below a (proj1 positive)). lra. }
  assert (Lw : ln (1 - INR n * r) <= 0).
  { generalize (ln_below (1 - INR n * r) ltac:(lra)). lra. }
  assert (Lp : ln P = ln (1 - INR n * r) - ln (INR C)).
  { unfold P, Rdiv. rewrite ln_mult, ln_Rinv; [ring | | | ]; try lra. apply Rinv_0_lt_compat, Cp. }
  assert (Oa : O <= O / a).
  { unfold Rdiv. rewrite <- (Rmult_1_r O) at 1. apply Rmult_le_compat_l; [lra |].
    rewrite <- Rinv_1. apply Rinv_le_contravar; lra. }
  generalize own. rewrite Lp.
  assert (H * ln a <= 0) by (rewrite <- (Rmult_0_r H); apply Rmult_le_compat_l; lra).
  assert (B * ln (1 - INR n * r) <= 0) by (rewrite <- (Rmult_0_r B); apply Rmult_le_compat_l; lra).
  intros E. unfold Rdiv in E at 1. rewrite Ropp_mult_distr_l_reverse in E. fold (O / a) in E. lra.
Qed.
End Values.

Lemma free_minimum : forall C K t f H O B p q nu, (0 < C)%nat ->
  (forall c, (c < C)%nat -> (t c < K)%nat) -> 0 <= H -> 0 <= O -> 0 <= B -> free C K p -> free C K q ->
  (forall c e, (c < C)%nat -> (e < K)%nat -> free_slope C K t f H O B p c e = nu c) ->
  free_loss C K t f H O B p <= free_loss C K t f H O B q.
Proof.
  intros C K t f H O B p q nu c t0 h o b P Q L. exact (minimum C K t f H O B p q c t0 h o b P Q nu L).
Qed.

Lemma free_unique : forall C K t f H O B p q nu, (0 < C)%nat ->
  (forall c, (c < C)%nat -> (t c < K)%nat) -> 0 < H -> 0 <= O -> 0 <= B -> free C K p -> free C K q ->
  (forall c e, (c < C)%nat -> (e < K)%nat -> free_slope C K t f H O B p c e = nu c) ->
  free_loss C K t f H O B q <= free_loss C K t f H O B p ->
  forall c e, (c < C)%nat -> (e < K)%nat -> q c e = p c e.
Proof.
  intros C K t f H O B p q nu c t0 h o b P Q L.
  apply (unique C K t f H O B p q c t0 o b P Q nu L h).
Qed.

Lemma free_three_values : forall C n f1 f0 H O B a b r q, (0 < C)%nat -> (0 < n)%nat ->
  0 < a /\ 0 < b /\ 0 < r -> a + (INR C - 1) * b + INR n * r = 1 -> 0 <= H -> 0 <= O -> 0 <= B ->
  - O / a + H * (ln a - ln r)
    + B * (ln ((1 - INR n * r) / INR C) - ln r + INR (C + n) * (f1 - f0)) = 0 ->
  ((1 < C)%nat -> H * (ln b - ln r)
    + B * (ln ((1 - INR n * r) / INR C) - ln r + INR (C + n) * (f1 - f0)) = 0) ->
  free C (C + n) q ->
  free_loss C (C + n) (fun c => c) (two_counts C f1 f0) H O B (three_values C a b r)
    <= free_loss C (C + n) (fun c => c) (two_counts C f1 f0) H O B q.
Proof.
  intros C n f1 f0 H O B a b r q c N pos row h o k own other Q.
  apply minimum with (nu := fun _ =>
    H * (ln r + 1) + B * (ln (INR (C + n) * r) + 1 + INR (C + n) * (f0 - / INR (C + n)))); try assumption.
  - intros i I. lia.
  - apply three_free; assumption.
  - intros i e I E. apply three_level; assumption.
Qed.

Lemma free_rule : forall C n f1 f0 H O B a b r, (0 < C)%nat ->
  0 < a /\ 0 < b /\ 0 < r -> a + (INR C - 1) * b + INR n * r = 1 -> 0 <= H -> 0 <= O -> 0 <= B ->
  - O / a + H * (ln a - ln r)
    + B * (ln ((1 - INR n * r) / INR C) - ln r + INR (C + n) * (f1 - f0)) = 0 ->
  (H + B) * ln r <= - (O + B * (ln (INR C) - INR (C + n) * (f1 - f0))).
Proof.
  intros C n f1 f0 H O B a b r c pos row h o k own. apply rule with (a := a) (b := b); assumption.
Qed.
