(* The fold: where F and its derivative vanish together. Exact curve, nondegeneracy, bounds. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics Equilibria.
Open Scope R_scope.

Lemma fold_curve : forall k lam eta u,
  (F k lam eta u = 0 /\ Derive (F k lam eta) u = 0) <->
  (k = lam * cosh u ^ 2 /\ eta = lam * (u - sinh u * cosh u)).
Proof.
  intros k lam eta u. rewrite Derive_F.
  generalize (F1_cosh k lam u) (cosh_gt0 u) (tanh_sinh_cosh u). intros E P T.
  assert (K : F1 k lam u = 0 <-> k = lam * cosh u ^ 2).
  { split; intros H; [rewrite H in E; lra |].
    apply (Rmult_eq_reg_r (cosh u ^ 2)); [rewrite E; lra | nra]. }
  rewrite K. unfold F. split.
  - intros [A ->]. split; auto.
    replace eta with (lam * u - lam * (tanh u * cosh u) * cosh u) by lra. rewrite T. ring.
  - intros [-> ->]. split; auto.
    replace (lam * cosh u ^ 2 * tanh u) with (lam * (tanh u * cosh u) * cosh u) by ring.
    rewrite T. ring.
Qed.

Lemma fold_locus : forall k lam eta, 0 < lam -> lam < k ->
  ((exists u, F k lam eta u = 0 /\ Derive (F k lam eta) u = 0) <-> Rabs eta = eta_fold k lam).
Proof.
  intros k lam eta Hl Hk. split.
  - intros (u & A & B). rewrite Derive_F in B. apply F1_sign in B; auto.
    generalize (F_at_fold_left k lam Hl Hk eta) (F_at_fold_right k lam Hl Hk eta)
      (eta_fold_pos k lam Hl Hk).
    unfold Rabs in *. destruct (Rcase_abs u).
    + replace (- fold_point k lam) with u by lra. rewrite A.
      destruct (Rcase_abs eta); lra.
    + rewrite <- B, A. destruct (Rcase_abs eta); lra.
  - intros H. destruct (two_stability k lam eta Hl Hk H) as (d & s & _ & Z & D & _).
    exists d. split; auto. apply Z. auto.
Qed.

Lemma fold_position : forall k lam eta u, 0 < lam -> lam < k ->
  F k lam eta u = 0 -> Derive (F k lam eta) u = 0 ->
  Rabs u = arcosh (sqrt (k / lam)) /\ Rabs (tanh u) = sqrt (1 - lam / k).
Proof.
  intros k lam eta u Hl Hk A B. rewrite Derive_F in B. split.
  - now apply F1_sign in B.
  - rewrite <- sqrt_Rsqr_abs, Rsqr_pow2. f_equal. unfold F1 in B. field_simplify_eq; lra.
Qed.

Lemma fold_nondegenerate : forall k lam eta u, 0 < lam ->
  F k lam eta u = 0 -> Derive (F k lam eta) u = 0 -> u <> 0 ->
  Derive_n (F k lam eta) 2 u = - 2 * lam * tanh u /\ Derive_n (F k lam eta) 2 u <> 0 /\
  Derive (fun e => F k lam e u) eta = 1.
Proof.
  intros k lam eta u Hl A B N. rewrite Derive_F in B. rewrite Derive2_F, Derive_F_eta.
  assert (E : F2 k u = - 2 * lam * tanh u).
  { unfold F2. unfold F1 in B. replace lam with (k * (1 - tanh u ^ 2)) by lra. ring. }
  rewrite E. repeat split; auto.
  rewrite <- tanh_zero_iff in N. intros H. apply N.
  apply (Rmult_eq_reg_l (- 2 * lam)); lra.
Qed.

(** ** Two-sided bounds on the fold asymmetry.
    With s = sinh v, the fold asymmetry is lam (s cosh v - v); each bound is the sign of the
    derivative of a difference in v. *)
Lemma cosh_bound_low v : (2 * sinh v ^ 2 - sinh v ^ 4) * cosh v <= 2 * sinh v ^ 2.
Proof.
  generalize (cosh_gt0 v) (cosh_ge1 v) (cosh_sq v). set (c := cosh v). set (s := sinh v).
  intros P G S. set (x := s ^ 2). assert (X : 0 <= x) by (unfold x; apply pow2_ge_0).
  replace (s ^ 4) with (x * x) by (unfold x; ring). fold x in S.
  assert (K : (2 - x) * c <= 2).
  { destruct (Rle_or_lt 2 x); [nra |].
    apply Rsqr_incr_0_var; [| lra]. unfold Rsqr.
    replace ((2 - x) * c * ((2 - x) * c)) with ((2 - x) ^ 2 * c ^ 2) by ring. rewrite S.
    assert (0 <= x ^ 2 * (3 - x)) by (apply Rmult_le_pos; [apply pow2_ge_0 | lra]). nra. }
  nra.
Qed.

Lemma cosh_bound_high v : 2 * sinh v ^ 2 <= (2 * sinh v ^ 2 - sinh v ^ 4 + 3 / 4 * sinh v ^ 6) * cosh v.
Proof.
  generalize (cosh_gt0 v) (cosh_sq v). set (c := cosh v). set (s := sinh v).
  intros P S. set (x := s ^ 2). assert (X : 0 <= x) by (unfold x; apply pow2_ge_0).
  replace (s ^ 4) with (x * x) by (unfold x; ring).
  replace (s ^ 6) with (x * x * x) by (unfold x; ring). fold x in S.
  assert (Q : 0 < 2 - x + 3 / 4 * x ^ 2) by nra.
  assert (K : 2 <= (2 - x + 3 / 4 * x ^ 2) * c).
  { apply Rsqr_incr_0_var; [| nra]. unfold Rsqr.
    replace ((2 - x + 3 / 4 * x ^ 2) * c * ((2 - x + 3 / 4 * x ^ 2) * c)) with
      ((2 - x + 3 / 4 * x ^ 2) ^ 2 * c ^ 2) by ring. rewrite S.
    assert (0 <= x ^ 3 * (5 / 2 - 15 / 16 * x + 9 / 16 * x ^ 2)).
    { apply Rmult_le_pos; [apply pow_le; auto | nra]. }
    nra. }
  nra.
Qed.

Ltac hyper_derive :=
  auto_derive; [repeat split; auto; try (eexists; first [apply is_derive_sinh | apply is_derive_cosh]) |].

Lemma fold_shape_outer v : 0 < v -> sinh v * cosh v - v < 2 / 3 * sinh v ^ 3.
Proof.
  intros H. apply Rminus_lt_0.
  replace 0 with (2 / 3 * sinh 0 ^ 3 - (sinh 0 * cosh 0 - 0)) by (rewrite sinh_0, cosh_0; ring).
  apply (strictly_above_from_zero (fun v => 2 / 3 * sinh v ^ 3 - (sinh v * cosh v - v))
    (fun v => 2 * sinh v ^ 2 * (cosh v - 1))); auto.
  - intros x. hyper_derive. generalize (cosh_sq x); intros E.
    transitivity (2 * sinh x ^ 2 * cosh x - (cosh x ^ 2 + sinh x ^ 2 - 1)); [field |].
    rewrite E. ring.
  - intros x X. generalize (sinh_gt0 x X) (cosh_sq x) (cosh_gt0 x). intros S E C.
    assert (1 < cosh x) by nra. apply Rmult_lt_0_compat; nra.
Qed.

Lemma fold_shape_inner v : 0 < v -> 2 / 3 * sinh v ^ 3 < (sinh v * cosh v - v) * cosh v.
Proof.
  intros H. generalize (cosh_gt0 v); intros C.
  apply (Rmult_lt_reg_r (/ cosh v)); [now apply Rinv_0_lt_compat |].
  replace ((sinh v * cosh v - v) * cosh v * / cosh v) with (sinh v * cosh v - v) by (field; lra).
  apply Rminus_lt_0.
  replace 0 with ((sinh 0 * cosh 0 - 0) - 2 / 3 * sinh 0 ^ 3 * / cosh 0)
    by (rewrite sinh_0, cosh_0; field).
  apply (strictly_above_from_zero (fun v => (sinh v * cosh v - v) - 2 / 3 * sinh v ^ 3 * / cosh v)
    (fun v => 2 / 3 * sinh v ^ 4 / cosh v ^ 2)); auto.
  - intros x. generalize (cosh_sq x) (cosh_gt0 x); intros E P. hyper_derive; [lra |].
    apply (Rmult_eq_reg_r (cosh x ^ 2)); [| nra]. field_simplify; [| lra | lra].
    replace (cosh x ^ 4) with ((cosh x ^ 2) * (cosh x ^ 2)) by ring. rewrite !E. field.
  - intros x X. generalize (sinh_gt0 x X) (cosh_gt0 x). intros S P.
    apply Rdiv_lt_0_compat; [| nra]. apply Rmult_lt_0_compat; [lra | now apply pow_lt].
Qed.

Lemma fold_shape_low v : 0 <= v ->
  2 / 3 * sinh v ^ 3 - 1 / 5 * sinh v ^ 5 <= sinh v * cosh v - v.
Proof.
  intros H. apply Rminus_le_0.
  replace 0 with ((sinh 0 * cosh 0 - 0) - (2 / 3 * sinh 0 ^ 3 - 1 / 5 * sinh 0 ^ 5))
    by (rewrite sinh_0, cosh_0; field).
  apply (above_from_zero (fun v => (sinh v * cosh v - v) - (2 / 3 * sinh v ^ 3 - 1 / 5 * sinh v ^ 5))
    (fun v => 2 * sinh v ^ 2 - (2 * sinh v ^ 2 - sinh v ^ 4) * cosh v)); auto.
  - intros x. generalize (cosh_sq x); intros E. hyper_derive.
    transitivity (cosh x ^ 2 + sinh x ^ 2 - 1 - (2 * sinh x ^ 2 - sinh x ^ 4) * cosh x); [field |].
    rewrite E. ring.
  - intros x _. generalize (cosh_bound_low x). lra.
Qed.

Lemma fold_shape_high v : 0 <= v ->
  sinh v * cosh v - v <= 2 / 3 * sinh v ^ 3 - 1 / 5 * sinh v ^ 5 + 3 / 28 * sinh v ^ 7.
Proof.
  intros H. apply Rminus_le_0.
  replace 0 with ((2 / 3 * sinh 0 ^ 3 - 1 / 5 * sinh 0 ^ 5 + 3 / 28 * sinh 0 ^ 7) - (sinh 0 * cosh 0 - 0))
    by (rewrite sinh_0, cosh_0; field).
  apply (above_from_zero
    (fun v => (2 / 3 * sinh v ^ 3 - 1 / 5 * sinh v ^ 5 + 3 / 28 * sinh v ^ 7) - (sinh v * cosh v - v))
    (fun v => (2 * sinh v ^ 2 - sinh v ^ 4 + 3 / 4 * sinh v ^ 6) * cosh v - 2 * sinh v ^ 2)); auto.
  - intros x. generalize (cosh_sq x); intros E. hyper_derive.
    transitivity ((2 * sinh x ^ 2 - sinh x ^ 4 + 3 / 4 * sinh x ^ 6) * cosh x
                  - (cosh x ^ 2 + sinh x ^ 2 - 1)); [field |].
    rewrite E. ring.
  - intros x _. generalize (cosh_bound_high x). lra.
Qed.

Section Bounds.
Variables k lam : R.
Hypothesis Hl : 0 < lam.
Hypothesis Hk : lam < k.

Let v := fold_point k lam.
Let r := sqrt (k / lam - 1).

Lemma sinh_fold_point : sinh v = r.
Proof.
  generalize (fold_point_pos k lam Hl Hk) (cosh_fold_point k lam Hl Hk) (cosh_sq v). fold v.
  intros P C S. unfold r. apply sinh_gt0 in P. replace (k / lam - 1) with (sinh v ^ 2).
  - now rewrite sqrt_pow2 by lra.
  - rewrite <- C, S. field. lra.
Qed.

Lemma eta_fold_shape : eta_fold k lam = lam * (sinh v * cosh v - v).
Proof.
  rewrite eta_fold_point by auto. fold v. generalize (cosh_fold_point k lam Hl Hk). fold v.
  intros C. rewrite <- C at 1. rewrite <- (tanh_sinh_cosh v). ring.
Qed.

Lemma fold_bounds_aux :
  lam * (2 / 3 * r ^ 3 - 1 / 5 * r ^ 5) <= eta_fold k lam /\
  eta_fold k lam <= lam * (2 / 3 * r ^ 3 - 1 / 5 * r ^ 5 + 3 / 28 * r ^ 7) /\
  eta_fold k lam < lam * (2 / 3 * r ^ 3).
Proof.
  generalize (fold_point_pos k lam Hl Hk). fold v. intros P.
  rewrite eta_fold_shape, <- sinh_fold_point.
  generalize (fold_shape_low v) (fold_shape_high v) (fold_shape_outer v). intros A B C.
  repeat split; [apply Rmult_le_compat_l | apply Rmult_le_compat_l | apply Rmult_lt_compat_l]; lra.
Qed.

Lemma eta_fold_sq_low : 4 * (k - lam) ^ 3 < 9 * k * eta_fold k lam ^ 2.
Proof.
  generalize (fold_point_pos k lam Hl Hk) (cosh_fold_point k lam Hl Hk) (cosh_sq v) (cosh_gt0 v).
  fold v. intros P C S G. rewrite eta_fold_shape.
  generalize (fold_shape_inner v P) (sinh_gt0 v P). intros I Q.
  replace (k - lam) with (lam * sinh v ^ 2) by (rewrite <- C, S; ring). rewrite <- C.
  replace (4 * (lam * sinh v ^ 2) ^ 3) with (9 * lam ^ 3 * (2 / 3 * sinh v ^ 3) ^ 2) by field.
  replace (9 * (lam * cosh v ^ 2) * (lam * (sinh v * cosh v - v)) ^ 2)
    with (9 * lam ^ 3 * ((sinh v * cosh v - v) * cosh v) ^ 2) by ring.
  apply Rmult_lt_compat_l; [apply Rmult_lt_0_compat; [lra | now apply pow_lt] |].
  assert (0 < 2 / 3 * sinh v ^ 3) by (apply Rmult_lt_0_compat; [lra | now apply pow_lt]).
  nra.
Qed.

Lemma eta_fold_sq_high : 9 * lam * eta_fold k lam ^ 2 < 4 * (k - lam) ^ 3.
Proof.
  generalize (fold_point_pos k lam Hl Hk) (cosh_fold_point k lam Hl Hk) (cosh_sq v)
    (eta_fold_pos k lam Hl Hk).
  fold v. intros P C S G. rewrite eta_fold_shape in *.
  generalize (fold_shape_outer v P). intros I.
  replace (k - lam) with (lam * sinh v ^ 2) by (rewrite <- C, S; ring).
  replace (4 * (lam * sinh v ^ 2) ^ 3) with (9 * lam ^ 3 * (2 / 3 * sinh v ^ 3) ^ 2) by field.
  replace (9 * lam * (lam * (sinh v * cosh v - v)) ^ 2)
    with (9 * lam ^ 3 * (sinh v * cosh v - v) ^ 2) by ring.
  apply Rmult_lt_compat_l; [apply Rmult_lt_0_compat; [lra | now apply pow_lt] |].
  assert (0 < sinh v * cosh v - v) by nra. nra.
Qed.
End Bounds.

Lemma fold_bounds : forall k lam, 0 < lam -> lam < k -> let r := sqrt (k / lam - 1) in
  lam * (2 / 3 * r ^ 3 - 1 / 5 * r ^ 5) <= eta_fold k lam <=
  lam * (2 / 3 * r ^ 3 - 1 / 5 * r ^ 5 + 3 / 28 * r ^ 7).
Proof. intros k lam Hl Hk r. now generalize (fold_bounds_aux k lam Hl Hk). Qed.

(* In the router's own units: feedback kappa, decay mu, inverse temperature beta, asymmetry h. *)
Lemma sinh_double u : sinh (2 * u) = 2 * sinh u * cosh u.
Proof.
  unfold sinh, cosh. replace (2 * u) with (u + u) by ring.
  replace (- (u + u)) with (- u + - u) by ring. rewrite !exp_plus. field.
Qed.

Lemma fold_dimensional : forall kappa mu beta h u, 0 < beta ->
  (F (kappa * beta / 2) mu (beta * h / 2) u = 0 /\
   Derive (F (kappa * beta / 2) mu (beta * h / 2)) u = 0) <->
  (kappa = 2 * mu / beta * cosh u ^ 2 /\ h = mu / beta * (2 * u - sinh (2 * u))).
Proof.
  intros kappa mu beta h u Hb. rewrite fold_curve, sinh_double. split.
  - intros [A B]. split.
    + apply (Rmult_eq_reg_r (beta / 2)); [| lra].
      replace (kappa * (beta / 2)) with (kappa * beta / 2) by field. rewrite A. field. lra.
    + apply (Rmult_eq_reg_r (beta / 2)); [| lra].
      replace (h * (beta / 2)) with (beta * h / 2) by field. rewrite B. field. lra.
  - intros [-> ->]. split; field; lra.
Qed.

(* How the fold moves with the feedback: by the imbalance at the fold. *)
Lemma fold_slope : forall k lam, 0 < lam -> lam < k ->
  is_derive (fun k => eta_fold k lam) k (sqrt (1 - lam / k)).
Proof.
  intros k lam Hl Hk. unfold eta_fold, arcosh.
  assert (R1 : 1 < k / lam) by (apply Rlt_div_r; lra).
  set (q := sqrt (k / lam)). set (p := sqrt (k / lam - 1)).
  assert (Pq : 0 < q) by (apply sqrt_lt_R0; lra).
  assert (Pp : 0 < p) by (apply sqrt_lt_R0; lra).
  assert (Q2 : q ^ 2 = k / lam) by (unfold q; rewrite <- Rsqr_pow2, Rsqr_sqrt; lra).
  assert (P2 : p ^ 2 = k / lam - 1) by (unfold p; rewrite <- Rsqr_pow2, Rsqr_sqrt; lra).
  assert (Ek : k = lam * q ^ 2) by (rewrite Q2; field; lra).
  assert (E1 : sqrt (k * (k - lam)) = lam * q * p).
  { replace (k * (k - lam)) with ((lam * q * p) ^ 2).
    - rewrite sqrt_pow2; auto. repeat apply Rmult_le_pos; lra.
    - rewrite !Rpow_mult_distr, P2, Q2. field. lra. }
  assert (E2 : sqrt (q ^ 2 - 1) = p) by (unfold p; now rewrite Q2).
  assert (E3 : sqrt (1 - lam / k) = p / q).
  { replace (1 - lam / k) with ((p / q) ^ 2).
    - rewrite sqrt_pow2; auto. apply Rlt_le, Rdiv_lt_0_compat; auto.
    - unfold Rdiv. rewrite Rpow_mult_distr, pow_inv, P2, Q2. field. lra. }
  assert (D1 : is_derive (fun k => sqrt (k * (k - lam))) k ((2 * k - lam) / (2 * (lam * q * p)))).
  { rewrite <- E1. auto_derive; [nra |].
    replace (k + - lam) with (k - lam) by ring. field. rewrite E1. nra. }
  assert (D2 : is_derive (fun k => sqrt (k / lam)) k (/ (2 * lam * q))).
  { unfold q. auto_derive; [lra |]. fold (k / lam). fold q. field. split; lra. }
  assert (D3 : is_derive (fun x => ln (x + sqrt (x ^ 2 - 1))) q (/ p)).
  { auto_derive.
    - replace (q * (q * 1) + - (1)) with (q ^ 2 - 1) by ring. rewrite E2, Q2. repeat split; lra.
    - replace (q * (q * 1) + - (1)) with (q ^ 2 - 1) by ring. rewrite E2. field. split; lra. }
  evar_last.
  { apply @is_derive_minus; [exact D1 |]. apply is_derive_scal.
    apply (is_derive_comp (fun x => ln (x + sqrt (x ^ 2 - 1))) (fun k => sqrt (k / lam)) k); [exact D3 | exact D2]. }
  unfold minus, plus, opp, scal; simpl; unfold mult; simpl. rewrite E3, Ek.
  replace (q * (q * 1)) with (q ^ 2) by ring.
  assert (Z : p ^ 2 = q ^ 2 - 1) by (rewrite P2, Q2; ring).
  transitivity (((q ^ 2 - 1)) / (q * p)); [field; lra | rewrite <- Z; field; lra].
Qed.

Lemma fold_closed_form : forall k lam, 0 < lam -> lam < k ->
  let v := fold_point k lam in
  eta_fold k lam = lam / 2 * (sinh (2 * v) - 2 * v) /\ sinh v = sqrt (k / lam - 1).
Proof.
  intros k lam Hl Hk v. split; [| now apply sinh_fold_point].
  rewrite eta_fold_shape, sinh_double by auto. unfold v. field.
Qed.
