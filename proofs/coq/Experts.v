(* K experts: gradient structure, the shape of equilibria, stability, first-order transition. *)
From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics Sums Bridge.
Open Scope R_scope.

(** ** Gradient structure *)
Lemma Phi_curve K g eta (x : R -> nat -> R) dx t : (0 < K)%nat ->
  (forall i, (i < K)%nat -> is_derive (fun s => x s i) t (dx i)) ->
  is_derive (fun s => Phi K g eta (x s)) t (- sum K (fun i => dx i * expert_field K g eta (x t) i)).
Proof.
  intros HK D. unfold Phi.
  assert (A : is_derive (fun s => sum K (fun i => x s i ^ 2 / 2)) t (sum K (fun i => x t i * dx i))).
  { apply is_derive_sum. intros i L. evar_last.
    { apply (is_derive_comp (fun y => y ^ 2 / 2) (fun s => x s i) t); [| now apply D].
      instantiate (1 := x t i). auto_derive; auto. field. }
    unfold scal; simpl; unfold mult; simpl. ring. }
  assert (B : is_derive (fun s => sum K (fun i => exp (x s i))) t (sum K (fun i => dx i * exp (x t i)))).
  { apply is_derive_sum. intros i L. evar_last.
    { apply (is_derive_comp exp (fun s => x s i) t); [apply is_derive_exp | now apply D]. }
    reflexivity. }
  assert (C : is_derive (fun s => sum K (fun i => eta i * x s i)) t (sum K (fun i => eta i * dx i))).
  { apply is_derive_sum. intros i L. apply is_derive_scal. now apply D. }
  generalize (exp_sum_pos K (x t) HK). intros P.
  assert (E : is_derive (fun s => ln (sum K (fun i => exp (x s i)))) t
    (sum K (fun i => dx i * exp (x t i)) * / sum K (fun i => exp (x t i)))).
  { apply (is_derive_comp ln (fun s => sum K (fun i => exp (x s i))) t); [| exact B].
    now apply is_derive_ln. }
  evar_last.
  { apply @is_derive_minus; [apply @is_derive_minus; [exact A | apply is_derive_scal, E] | exact C]. }
  unfold minus, plus, opp; simpl. unfold expert_field, softmax.
  rewrite (sum_ext K (fun i => dx i * (INR K * g * (exp (x t i) / sum K (fun j => exp (x t j))) - x t i + eta i))
    (fun i => (INR K * g / sum K (fun j => exp (x t j))) * (dx i * exp (x t i)) - x t i * dx i + eta i * dx i)).
  - rewrite sum_plus, sum_minus, sum_scal. field. lra.
  - intros i _. field. lra.
Qed.

Lemma Phi_gradient : forall K g eta v w, (0 < K)%nat ->
  is_derive (fun t => Phi K g eta (along v w t)) 0 (- sum K (fun i => w i * expert_field K g eta v i)).
Proof.
  intros K g eta v w HK. evar_last.
  { apply (Phi_curve K g eta (along v w) w); auto.
    intros i _. unfold along. auto_derive; auto. ring. }
  f_equal. apply sum_ext. intros i _. unfold expert_field, softmax, along.
  replace (v i + 0 * w i) with (v i) by ring.
  now rewrite (sum_ext K (fun j => exp (v j + 0 * w j)) (fun j => exp (v j))) by (intros; f_equal; ring).
Qed.

Lemma Phi_flow : forall K g eta (v : R -> nat -> R) t, (0 < K)%nat ->
  (forall i, (i < K)%nat -> is_derive (fun s => v s i) t (expert_field K g eta (v t) i)) ->
  is_derive (fun s => Phi K g eta (v s)) t (- sum K (fun i => expert_field K g eta (v t) i ^ 2)).
Proof.
  intros K g eta v t HK D. evar_last.
  { apply (Phi_curve K g eta v (expert_field K g eta (v t))); auto. }
  f_equal. apply sum_ext. intros. ring.
Qed.

(** ** Hessian *)
Definition hess (K : nat) (g : R) (v w : nat -> R) : R :=
  sum K (fun i => w i ^ 2) -
  INR K * g * (sum K (fun i => softmax K v i * w i ^ 2) - sum K (fun i => softmax K v i * w i) ^ 2).

(* Derivative of one softmax component along a curve. *)
Lemma softmax_curve K (x : R -> nat -> R) dx t i : (i < K)%nat ->
  (forall j, (j < K)%nat -> is_derive (fun s => x s j) t (dx j)) ->
  is_derive (fun s => softmax K (x s) i) t
    (softmax K (x t) i * (dx i - sum K (fun j => softmax K (x t) j * dx j))).
Proof.
  intros L D. assert (HK : (0 < K)%nat) by lia.
  generalize (exp_sum_pos K (x t) HK). intros P. unfold softmax.
  evar_last.
  { apply (is_derive_div (fun s => exp (x s i)) (fun s => sum K (fun j => exp (x s j))) t).
    - apply (is_derive_comp exp (fun s => x s i) t); [apply is_derive_exp | now apply D].
    - apply is_derive_sum. intros j J.
      apply (is_derive_comp exp (fun s => x s j) t); [apply is_derive_exp | now apply D].
    - lra. }
  unfold scal; simpl; unfold mult; simpl.
  rewrite (sum_ext K (fun j => exp (x t j) / _ * dx j)
    (fun j => / sum K (fun j => exp (x t j)) * (dx j * exp (x t j)))).
  - rewrite sum_scal. field. lra.
  - intros j _. field. lra.
Qed.

Lemma field_along K g eta v w t i : (i < K)%nat ->
  is_derive (fun s => expert_field K g eta (along v w s) i) t
   (INR K * g * (softmax K (along v w t) i *
      (w i - sum K (fun j => softmax K (along v w t) j * w j))) - w i).
Proof.
  intros L. unfold expert_field.
  assert (D : forall j, (j < K)%nat -> is_derive (fun s => along v w s j) t (w j)).
  { intros j _. unfold along. auto_derive; auto. ring. }
  evar_last.
  { apply @is_derive_plus; [apply @is_derive_minus |].
    - apply is_derive_scal. apply (softmax_curve K (along v w) w t i L D).
    - exact (D i L).
    - apply @is_derive_const. }
  unfold minus, plus, opp, zero; simpl. ring.
Qed.

Lemma along_zero v w i : along v w 0 i = v i.
Proof. unfold along. ring. Qed.

Lemma softmax_ext K v v' i : (forall j, v j = v' j) -> softmax K v i = softmax K v' i.
Proof.
  intros E. unfold softmax. rewrite E.
  now rewrite (sum_ext K (fun j => exp (v j)) (fun j => exp (v' j))) by (intros; now rewrite E).
Qed.

(* Slope of Phi along a line, and its derivative. *)
Lemma slope_derive K g eta v w t : (0 < K)%nat ->
  is_derive (fun t => - sum K (fun i => w i * expert_field K g eta (along v w t) i)) t
    (hess K g (along v w t) w).
Proof.
  intros HK. evar_last.
  { apply @is_derive_opp. apply is_derive_sum. intros i L. apply is_derive_scal. now apply field_along. }
  unfold opp; simpl. unfold hess.
  set (m := sum K (fun j => softmax K (along v w t) j * w j)).
  rewrite (sum_ext K _ (fun i => INR K * g * (softmax K (along v w t) i * w i ^ 2)
    - (INR K * g * m) * (softmax K (along v w t) i * w i) - w i ^ 2)).
  - rewrite !sum_minus, !sum_scal. fold m. ring.
  - intros i _. ring.
Qed.

Lemma hess_ext K g v v' w : (forall j, v j = v' j) -> hess K g v w = hess K g v' w.
Proof.
  intros E. unfold hess.
  rewrite (sum_ext K (fun i => softmax K v i * w i) (fun i => softmax K v' i * w i))
    by (intros; now rewrite (softmax_ext K v v')).
  now rewrite (sum_ext K (fun i => softmax K v i * w i ^ 2) (fun i => softmax K v' i * w i ^ 2))
    by (intros; now rewrite (softmax_ext K v v')).
Qed.

Lemma hessian_formula K g eta v w : (0 < K)%nat -> hessian K g eta v w = hess K g v w.
Proof.
  intros HK. unfold hessian.
  change (Derive (Derive (fun t => Phi K g eta (along v w t))) 0 = hess K g v w).
  rewrite (Derive_ext _ (fun t => - sum K (fun i => w i * expert_field K g eta (along v w t) i))).
  2:{ intros t. apply is_derive_unique. apply Phi_curve; auto.
      intros i _. unfold along. auto_derive; auto. ring. }
  transitivity (hess K g (along v w 0) w).
  { apply is_derive_unique. now apply slope_derive. }
  apply hess_ext. intros. apply along_zero.
Qed.

(* The Hessian of Phi is minus the Jacobian of the field: stability is linear stability. *)
Lemma hessian_jacobian : forall K g eta v w, (0 < K)%nat ->
  hessian K g eta v w =
  - sum K (fun i => w i * Derive (fun t => expert_field K g eta (along v w t) i) 0).
Proof.
  intros K g eta v w HK. unfold hessian.
  change (Derive (Derive (fun t => Phi K g eta (along v w t))) 0 =
   - sum K (fun i => w i * Derive (fun t => expert_field K g eta (along v w t) i) 0)).
  rewrite (Derive_ext _ (fun t => - sum K (fun i => w i * expert_field K g eta (along v w t) i))).
  2:{ intros t. apply is_derive_unique. apply Phi_curve; auto.
      intros i _. unfold along. auto_derive; auto. ring. }
  apply is_derive_unique. apply @is_derive_opp. apply is_derive_sum. intros i L.
  apply is_derive_scal. apply Derive_correct. eexists. now apply field_along.
Qed.

(** ** At most two values *)
Lemma xe_derive x : is_derive (fun x => x * exp (- x)) x ((1 - x) * exp (- x)).
Proof. auto_derive; auto. ring. Qed.

Lemma xe_straddle a b : a < b -> a * exp (- a) = b * exp (- b) -> a < 1 < b.
Proof.
  intros L E. split.
  - destruct (Rlt_or_le a 1) as [A | A]; auto. exfalso.
    assert (b * exp (- b) < a * exp (- a)); [| lra].
    apply (decreasing_on _ _ xe_derive); auto. intros x I. generalize (exp_pos (- x)). nra.
  - destruct (Rlt_or_le 1 b) as [A | A]; auto. exfalso.
    assert (a * exp (- a) < b * exp (- b)); [| lra].
    apply (increasing_on _ _ xe_derive); auto. intros x I. generalize (exp_pos (- x)). nra.
Qed.

Lemma xe_two_values n (v : nat -> R) c : (forall i, (i < n)%nat -> v i * exp (- v i) = c) ->
  exists lo hi, lo <= 1 <= hi /\ forall i, (i < n)%nat -> v i = lo \/ v i = hi.
Proof.
  intros H.
  assert (Lo : exists lo, lo <= 1 /\ forall i, (i < n)%nat -> v i <= 1 -> v i = lo).
  { destruct (bounded_choice (fun i => v i <= 1) n) as [(i & L & Q) | Q].
    - intros i. destruct (Rle_dec (v i) 1); auto.
    - exists (v i). split; auto. intros j J K.
      destruct (Rtotal_order (v j) (v i)) as [T | [T | T]]; auto; exfalso;
      apply xe_straddle in T; rewrite ?H in *; auto; lra.
    - exists 1. split; [lra |]. intros i L K. now destruct (Q i L). }
  assert (Hi : exists hi, 1 <= hi /\ forall i, (i < n)%nat -> 1 <= v i -> v i = hi).
  { destruct (bounded_choice (fun i => 1 <= v i) n) as [(i & L & Q) | Q].
    - intros i. destruct (Rle_dec 1 (v i)); auto.
    - exists (v i). split; auto. intros j J K.
      destruct (Rtotal_order (v j) (v i)) as [T | [T | T]]; auto; exfalso;
      apply xe_straddle in T; rewrite ?H in *; auto; lra.
    - exists 1. split; [lra |]. intros i L K. now destruct (Q i L). }
  destruct Lo as (lo & L1 & L2), Hi as (hi & H1 & H2).
  exists lo, hi. split; [lra |]. intros i I.
  destruct (Rle_or_lt (v i) 1); [left; auto | right; apply H2; auto; lra].
Qed.

Lemma equilibrium_xe K g v i : (i < K)%nat -> equilibrium K g no_drive v ->
  v i * exp (- v i) = INR K * g / sum K (fun j => exp (v j)).
Proof.
  intros L E. generalize (E i L) (exp_sum_pos K v ltac:(lia)) (exp_mul_neg (v i)).
  unfold expert_field, softmax, no_drive. intros Q P X.
  set (S := sum K _) in *.
  replace (v i) with (INR K * g * (exp (v i) / S)) at 1 by lra.
  transitivity (INR K * g / S * (exp (v i) * exp (- v i))); [field; lra | rewrite X; ring].
Qed.

Lemma at_most_two_values : forall K g v, equilibrium K g no_drive v ->
  exists lo hi, lo <= 1 <= hi /\ forall i, (i < K)%nat -> v i = lo \/ v i = hi.
Proof.
  intros K g v E. apply (xe_two_values K v (INR K * g / sum K (fun j => exp (v j)))).
  intros i L. now apply equilibrium_xe.
Qed.

Lemma at_most_two_scores : forall K kappa mu beta s, mu <> 0 ->
  (forall i, (i < K)%nat -> score_field K kappa mu beta no_drive s i = 0) ->
  exists a b, forall i, (i < K)%nat -> s i = a \/ s i = b.
Proof.
  intros K kappa mu beta s Hm H.
  destruct (Req_dec beta 0) as [-> | Hb].
  - exists (kappa / (INR K * mu)), 0. intros i L. left. generalize (H i L).
    unfold score_field, softmax, no_drive. rewrite Rmult_0_l, exp_0.
    rewrite (sum_ext K _ (fun _ => 1)) by (intros; now rewrite Rmult_0_l, exp_0).
    rewrite sum_const. assert (0 < INR K) by (apply lt_0_INR; lia). intros E.
    apply (Rmult_eq_reg_l mu); auto. replace (mu * s i) with (kappa * (1 / (INR K * 1))) by lra.
    field. lra.
  - destruct (xe_two_values K (fun i => beta * s i)
      (beta * kappa / (mu * sum K (fun j => exp (beta * s j))))) as (lo & hi & _ & T).
    + intros i L. generalize (H i L) (exp_sum_pos K (fun j => beta * s j) ltac:(lia))
        (exp_mul_neg (beta * s i)).
      unfold score_field, softmax, no_drive. intros E P X. set (S := sum K _) in *.
      apply (Rmult_eq_reg_l mu); auto.
      replace (mu * (beta * s i * exp (- (beta * s i)))) with
        (beta * (mu * s i) * exp (- (beta * s i))) by ring.
      replace (mu * s i) with (kappa * (exp (beta * s i) / S)) by lra.
      transitivity (beta * kappa / S * (exp (beta * s i) * exp (- (beta * s i)))); [field; lra |].
      rewrite X. field. lra.
    + exists (lo / beta), (hi / beta). intros i L.
      destruct (T i L) as [E | E]; [left | right]; rewrite <- E; field; auto.
Qed.

(** ** A stable imbalanced equilibrium favours exactly one expert *)
Lemma hess_two_units K g v i j : (i < K)%nat -> (j < K)%nat -> i <> j ->
  hess K g v (fun l => unit_at i l - unit_at j l) =
  2 - INR K * g * (softmax K v i + softmax K v j - (softmax K v i - softmax K v j) ^ 2).
Proof.
  intros I J N. unfold hess.
  assert (U : forall f, sum K (fun l => f l * (unit_at i l - unit_at j l)) = f i - f j).
  { intros f. rewrite (sum_ext K _ (fun l => f l * unit_at i l - f l * unit_at j l))
      by (intros; ring).
    rewrite sum_minus, !sum_unit; auto. }
  assert (W : forall f, sum K (fun l => f l * (unit_at i l - unit_at j l) ^ 2) = f i + f j).
  { intros f. rewrite (sum_ext K _ (fun l => f l * unit_at i l + f l * unit_at j l)).
    - rewrite sum_plus, !sum_unit; auto.
    - intros l _. destruct (Nat.eq_dec l i) as [-> | A].
      + rewrite unit_at_same, (unit_at_other j i) by auto. ring.
      + rewrite (unit_at_other i l) by auto. destruct (Nat.eq_dec l j) as [-> | B].
        * rewrite unit_at_same. ring.
        * rewrite unit_at_other by auto. ring. }
  rewrite U, W.
  rewrite (sum_ext K (fun l => (unit_at i l - unit_at j l) ^ 2)
    (fun l => 1 * (unit_at i l - unit_at j l) ^ 2)) by (intros; ring).
  rewrite (W (fun _ => 1)). ring.
Qed.

Lemma two_favoured_unstable : forall K g v i j, equilibrium K g no_drive v ->
  (i < K)%nat -> (j < K)%nat -> i <> j -> v i = v j -> 1 < v i ->
  hessian K g no_drive v (fun l => unit_at i l - unit_at j l) < 0.
Proof.
  intros K g v i j E I J N V H.
  rewrite hessian_formula, hess_two_units by (auto; lia).
  generalize (E i I) (E j J). unfold expert_field, no_drive.
  assert (S : softmax K v i = softmax K v j) by (unfold softmax; now rewrite V).
  rewrite S. lra.
Qed.

Lemma exactly_one_favoured : forall K g v, equilibrium K g no_drive v -> imbalanced K v ->
  not_unstable K g no_drive v ->
  exists j lo hi, (j < K)%nat /\ lo < 1 < hi /\ forall i, (i < K)%nat -> v i = one_favoured j hi lo i.
Proof.
  intros K g v E (a & b & A & B & N) St.
  assert (order : exists i j, (i < K)%nat /\ (j < K)%nat /\ v i < v j).
  { destruct (Rtotal_order (v a) (v b)) as [L | [L | L]]; [| easy |].
    - exists a, b. auto.
    - exists b, a. auto. }
  clear a b A B N. destruct order as (i & j & I & J & L).
  assert (X : forall m, (m < K)%nat -> v m * exp (- v m) = v i * exp (- v i)).
  { intros m M. rewrite (equilibrium_xe K g v m), (equilibrium_xe K g v i); auto. }
  assert (L1 : v i < 1 < v j) by (apply xe_straddle; auto; symmetry; auto).
  assert (two : forall m, (m < K)%nat -> v m = v i \/ v m = v j).
  { intros m M.
    destruct (Rtotal_order (v m) (v i)) as [T | [T | T]]; auto.
    { apply xe_straddle in T; [lra | now apply X]. }
    destruct (Rtotal_order (v m) (v j)) as [U | [U | U]]; auto.
    - apply xe_straddle in T; [| symmetry; auto].
      apply xe_straddle in U; [lra | rewrite (X m M); symmetry; auto].
    - apply xe_straddle in U; [lra | rewrite (X m M); auto]. }
  exists j, (v i), (v j). split; auto. split; [lra |].
  intros m M. unfold one_favoured. destruct (Nat.eqb m j) eqn:Q.
  - apply Nat.eqb_eq in Q. now subst.
  - apply Nat.eqb_neq in Q. destruct (two m M) as [T | T]; auto. exfalso.
    generalize (St (fun l => unit_at m l - unit_at j l))
      (two_favoured_unstable K g v m j E M J Q T ltac:(lra)). lra.
Qed.

(** ** The balanced state *)
Lemma softmax_balanced K c i : (0 < K)%nat -> softmax K (fun _ => c) i = / INR K.
Proof.
  intros H. assert (0 < INR K) by now apply lt_0_INR.
  unfold softmax. rewrite sum_const. generalize (exp_pos c). intros. field. lra.
Qed.

Lemma balanced_equilibrium : forall K g, equilibrium K g no_drive (fun _ => g).
Proof.
  intros K g i L. assert (0 < INR K) by (apply lt_0_INR; lia).
  unfold expert_field, no_drive. rewrite softmax_balanced by lia. field. lra.
Qed.

Lemma hess_balanced K g c w : (0 < K)%nat ->
  hess K g (fun _ => c) w = (1 - g) * sum K (fun i => w i ^ 2) + g / INR K * sum K w ^ 2.
Proof.
  intros H. assert (0 < INR K) by now apply lt_0_INR.
  unfold hess.
  rewrite (sum_ext K (fun i => softmax K (fun _ => c) i * w i ^ 2) (fun i => / INR K * w i ^ 2))
    by (intros; now rewrite softmax_balanced).
  rewrite (sum_ext K (fun i => softmax K (fun _ => c) i * w i) (fun i => / INR K * w i))
    by (intros; now rewrite softmax_balanced).
  rewrite !sum_scal. field. lra.
Qed.

Lemma sum_sq_pos K (w : nat -> R) : (exists i, (i < K)%nat /\ w i <> 0) -> 0 < sum K (fun i => w i ^ 2).
Proof.
  intros (i & L & N). apply Rlt_le_trans with (w i ^ 2); [now apply pow2_gt_0 |].
  apply (sum_ge_term K (fun i => w i ^ 2)); auto. intros. apply pow2_ge_0.
Qed.

Lemma balanced_stable : forall K g, (2 <= K)%nat -> (stable K g no_drive (fun _ => g) <-> g < 1).
Proof.
  intros K g HK. split.
  - intros S. specialize (S (fun l => unit_at 0 l - unit_at 1 l)).
    rewrite hessian_formula, hess_two_units, !softmax_balanced in S by lia.
    assert (0 < INR K) by (apply lt_0_INR; lia).
    assert (Q : 0 < 2 - 2 * g).
    { replace (2 - 2 * g) with (2 - INR K * g * (/ INR K + / INR K - (/ INR K - / INR K) ^ 2))
        by (field; lra).
      apply S. exists 0%nat. split; [lia |]. unfold unit_at. simpl. lra. }
    lra.
  - intros G w W. rewrite hessian_formula, hess_balanced by lia.
    assert (P : 0 < INR K) by (apply lt_0_INR; lia).
    generalize (sum_sq_pos K w W) (cauchy_schwarz_ones K w).
    set (q := sum K (fun i => w i ^ 2)). set (m := sum K w). intros Q C.
    assert (D : m ^ 2 / INR K <= q) by (apply Rle_div_l; lra).
    assert (E : 0 <= m ^ 2 / INR K).
    { apply Rmult_le_pos; [apply pow2_ge_0 | left; now apply Rinv_0_lt_compat]. }
    replace (g / INR K * m ^ 2) with (g * (m ^ 2 / INR K)) by (field; lra).
    destruct (Rle_or_lt 0 g); nra.
Qed.

(** ** One favoured expert *)
Section One.
Variables (K j : nat) (g lo x eta : R).
Hypothesis HK : (2 <= K)%nat.
Hypothesis Hj : (j < K)%nat.

Let Y := exp x.
Let v := one_favoured j (lo + x) lo.

Lemma K_pos : 2 <= INR K.
Proof. replace 2 with (INR 2) by (simpl; ring). now apply le_INR. Qed.

Local Lemma one_sum : sum K (fun i => exp (v i)) = exp lo * (Y + INR K - 1).
Proof.
  unfold v, Y. rewrite (sum_one_favoured K exp) by auto. rewrite exp_plus. ring.
Qed.

Local Lemma one_softmax_hi : softmax K v j = Y / (Y + INR K - 1).
Proof.
  unfold softmax. rewrite one_sum. unfold v, one_favoured at 1. rewrite Nat.eqb_refl, exp_plus. fold Y.
  generalize (exp_pos lo) (exp_pos x) K_pos. fold Y. intros. field. lra.
Qed.

Local Lemma one_softmax_lo i : i <> j -> softmax K v i = 1 / (Y + INR K - 1).
Proof.
  intros N. unfold softmax. rewrite one_sum. unfold v, one_favoured at 1.
  apply Nat.eqb_neq in N. rewrite N.
  generalize (exp_pos lo) (exp_pos x) K_pos. fold Y. intros. field. lra.
Qed.

Local Lemma other : exists i, (i < K)%nat /\ i <> j.
Proof. destruct j as [| m]; [exists 1%nat | exists 0%nat]; lia. Qed.

Lemma one_equilibrium : equilibrium K g (fun i => eta * unit_at j i) v <->
  lo = INR K * g / (Y + INR K - 1) /\ x = INR K * g * (Y - 1) / (Y + INR K - 1) + eta.
Proof.
  generalize K_pos (exp_pos x). fold Y. intros P Q.
  assert (V1 : v j = lo + x) by (unfold v, one_favoured; now rewrite Nat.eqb_refl).
  assert (V2 : forall i, i <> j -> v i = lo).
  { intros i N. unfold v, one_favoured. apply Nat.eqb_neq in N. now rewrite N. }
  unfold equilibrium, expert_field. split.
  - intros E. destruct other as (i & I & N). generalize (E i I) (E j Hj).
    rewrite one_softmax_hi, one_softmax_lo, unit_at_same, unit_at_other, V1, V2 by auto.
    intros A B.
    assert (L : lo = INR K * g / (Y + INR K - 1)).
    { replace (INR K * g / (Y + INR K - 1)) with (INR K * g * (1 / (Y + INR K - 1))) by (field; lra). lra. }
    split; auto.
    replace (INR K * g * (Y - 1) / (Y + INR K - 1)) with
      (INR K * g * (Y / (Y + INR K - 1)) - INR K * g / (Y + INR K - 1)) by (field; lra). lra.
  - intros [A B] i I. destruct (Nat.eq_dec i j) as [-> | N].
    + rewrite one_softmax_hi, unit_at_same, V1.
      replace (lo + x) with (INR K * g / (Y + INR K - 1) + (INR K * g * (Y - 1) / (Y + INR K - 1) + eta))
        by (now rewrite <- A, <- B).
      field. lra.
    + rewrite one_softmax_lo, unit_at_other, V2, A by auto. field. lra.
Qed.

Lemma one_hess w : hess K g v w =
  let n := INR K - 1 in
  let q := sum K (fun i => w i ^ 2) - w j ^ 2 in
  let m := (sum K w - w j) / n in
  (1 - INR K * g / (Y + n)) * (q - n * m ^ 2) + (sum K w) ^ 2 / INR K +
  n * (w j - m) ^ 2 * (1 / INR K - INR K * g * Y / (Y + n) ^ 2).
Proof.
  generalize K_pos (exp_pos x). fold Y. intros P Q. cbv zeta.
  set (n := INR K - 1). set (q := sum K (fun i => w i ^ 2) - w j ^ 2). set (m := (sum K w - w j) / n).
  unfold hess.
  set (b := 1 / (Y + INR K - 1)).
  assert (S : forall i, softmax K v i = b + (Y - 1) * b * unit_at j i).
  { intros i. destruct (Nat.eq_dec i j) as [-> | N].
    - rewrite one_softmax_hi, unit_at_same. unfold b. field. lra.
    - rewrite one_softmax_lo, unit_at_other by auto. unfold b. ring. }
  rewrite (sum_ext K (fun i => softmax K v i * w i ^ 2)
    (fun i => b * w i ^ 2 + (Y - 1) * b * (w i ^ 2 * unit_at j i))) by (intros; rewrite S; ring).
  rewrite (sum_ext K (fun i => softmax K v i * w i)
    (fun i => b * w i + (Y - 1) * b * (w i * unit_at j i))) by (intros; rewrite S; ring).
  rewrite !sum_plus, !sum_scal, !sum_unit by auto.
  unfold b, m, q, n. field. lra.
Qed.

(* The spread of the others about their mean is non-negative. *)
Lemma rest_spread w :
  let n := INR K - 1 in let m := (sum K w - w j) / n in
  0 <= sum K (fun i => w i ^ 2) - w j ^ 2 - n * m ^ 2.
Proof.
  intros n m. generalize K_pos. intros P.
  assert (H : 0 <= sum K (fun i => (w i - m) ^ 2 - (w j - m) ^ 2 * unit_at j i)).
  { apply sum_nonneg. intros i _. destruct (Nat.eq_dec i j) as [-> | N].
    - rewrite unit_at_same. lra.
    - rewrite unit_at_other by auto. generalize (pow2_ge_0 (w i - m)). lra. }
  rewrite (sum_ext K _ (fun i => (w i ^ 2 + (- 2 * m) * w i + m ^ 2) - (w j - m) ^ 2 * unit_at j i)) in H
    by (intros; ring).
  rewrite sum_minus, !sum_plus, sum_scal, sum_const, (sum_unit K (fun _ => (w j - m) ^ 2)) in H by auto.
  assert (E : sum K w = w j + n * m) by (unfold m, n; field; unfold n in *; lra).
  rewrite E in H. unfold n in *. lra.
Qed.
End One.

Lemma one_favoured_relation : forall K j g lo x eta, (2 <= K)%nat -> (j < K)%nat ->
  equilibrium K g (fun i => eta * unit_at j i) (one_favoured j (lo + x) lo) <->
  (lo = INR K * g / (exp x + INR K - 1) /\
   x = INR K * g * (exp x - 1) / (exp x + INR K - 1) + eta).
Proof. intros. now apply one_equilibrium. Qed.

Lemma one_favoured_stable : forall K j g lo x eta, (2 <= K)%nat -> (j < K)%nat ->
  equilibrium K g (fun i => eta * unit_at j i) (one_favoured j (lo + x) lo) -> lo < 1 ->
  (stable K g (fun i => eta * unit_at j i) (one_favoured j (lo + x) lo) <->
   INR K ^ 2 * g * exp x < (exp x + INR K - 1) ^ 2).
Proof.
  intros K j g lo x eta H2 Hj E L.
  destruct (proj1 (one_equilibrium K j g lo x eta H2 Hj) E) as [Lo _].
  generalize (K_pos K H2) (exp_pos x). set (Y := exp x) in *. set (k := INR K) in *. intros P Q.
  assert (Dn : 0 < (Y + (k - 1)) ^ 2) by (apply pow_lt; lra).
  assert (C : k ^ 2 * g * Y < (Y + k - 1) ^ 2 <-> 0 < 1 / k - k * g * Y / (Y + (k - 1)) ^ 2).
  { replace (1 / k - k * g * Y / (Y + (k - 1)) ^ 2) with
      (((Y + k - 1) ^ 2 - k ^ 2 * g * Y) * / (k * (Y + (k - 1)) ^ 2)) by (field; lra).
    assert (I : 0 < / (k * (Y + (k - 1)) ^ 2)) by (apply Rinv_0_lt_compat; nra).
    split; intros T; [apply Rmult_lt_0_compat; lra |].
    apply Rminus_lt_0. apply (Rmult_lt_reg_r (/ (k * (Y + (k - 1)) ^ 2))); auto. lra. }
  rewrite C. unfold stable. split.
  - intros St. specialize (St (fun i => k * unit_at j i - 1)).
    rewrite hessian_formula, one_hess in St by (auto; lia). revert St.
    fold Y k.
    assert (W : sum K (fun i => k * unit_at j i - 1) = 0).
    { rewrite sum_minus, sum_const. rewrite (sum_unit K (fun _ => k)) by auto. fold k. ring. }
    assert (W2 : sum K (fun i => (k * unit_at j i - 1) ^ 2) = k ^ 2 - k).
    { rewrite (sum_ext K _ (fun i => (k ^ 2 - 2 * k) * unit_at j i + 1)).
      - rewrite sum_plus, sum_const, (sum_unit K (fun _ => k ^ 2 - 2 * k)) by auto. fold k. ring.
      - intros i _. destruct (Nat.eq_dec i j) as [-> | N].
        + rewrite unit_at_same. ring.
        + rewrite unit_at_other by auto. ring. }
    rewrite W, W2, unit_at_same. cbv zeta.
    set (z := 1 / k - _). intros St.
    assert (R : 0 < (k - 1) * k ^ 2 * z).
    { replace ((k - 1) * k ^ 2 * z) with
      ((1 - k * g / (Y + (k - 1))) *
       (k ^ 2 - k - (k * 1 - 1) ^ 2 - (k - 1) * ((0 - (k * 1 - 1)) / (k - 1)) ^ 2) + 0 ^ 2 / k +
       (k - 1) * (k * 1 - 1 - (0 - (k * 1 - 1)) / (k - 1)) ^ 2 * z) by (field; lra).
      apply St. exists j. split; auto. rewrite unit_at_same. lra. }
    assert (0 < (k - 1) * k ^ 2) by (apply Rmult_lt_0_compat; nra).
    destruct (Rlt_or_le 0 z); auto. nra.
  - intros Z w W. rewrite hessian_formula, one_hess by (auto; lia).
    generalize (rest_spread K j H2 Hj w) (sum_sq_pos K w W). cbv zeta. fold Y k.
    set (n := k - 1) in *. set (s := sum K w). set (q2 := sum K (fun i => w i ^ 2)).
    set (m := (s - w j) / n). set (z := 1 / k - _) in *. intros Sp Pos.
    assert (B : 0 < 1 - k * g / (Y + n)).
    { replace (Y + n) with (Y + k - 1) by (unfold n; ring). lra. }
    assert (T1 : 0 <= (1 - k * g / (Y + n)) * (q2 - w j ^ 2 - n * m ^ 2)) by (apply Rmult_le_pos; lra).
    assert (T2 : 0 <= s ^ 2 / k).
    { apply Rmult_le_pos; [apply pow2_ge_0 | left; apply Rinv_0_lt_compat; lra]. }
    assert (T3 : 0 <= n * (w j - m) ^ 2 * z).
    { apply Rmult_le_pos; [apply Rmult_le_pos; [unfold n; lra | apply pow2_ge_0] | lra]. }
    assert (Sm : s = w j + n * m) by (unfold m; field; unfold n; lra).
    destruct (Req_dec (w j) m) as [Em | Nm].
    + destruct (Req_dec m 0) as [M0 | M0].
      * rewrite Em, M0 in *. replace (q2 - 0 ^ 2 - n * 0 ^ 2) with q2 in * by ring. nra.
      * assert (Sk : s = k * m) by (rewrite Sm, Em; unfold n; ring).
        assert (0 < s ^ 2 / k).
        { apply Rdiv_lt_0_compat; [| lra]. apply pow2_gt_0. rewrite Sk.
          apply Rmult_integral_contrapositive_currified; [lra | auto]. }
        lra.
    + assert (0 < n * (w j - m) ^ 2 * z).
      { apply Rmult_lt_0_compat; [| lra]. apply Rmult_lt_0_compat; [unfold n; lra |].
        apply pow2_gt_0. lra. }
      lra.
Qed.
