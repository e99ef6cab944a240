(* K experts: where collapse appears. Equal depth, coexistence below the critical gain, the fold. *)
From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics Equilibria Sums Bridge Experts.
Open Scope R_scope.

Lemma sinh_gt x : 0 < x -> x < sinh x.
Proof.
  intros H. apply Rminus_lt_0. replace 0 with (sinh 0 - 0) by (rewrite sinh_0; ring).
  apply (strictly_above_from_zero (fun x => sinh x - x) (fun x => cosh x - 1)); auto.
  - intros y. auto_derive; auto. ring.
  - intros y P. generalize (sinh_gt0 y P) (cosh_sq y) (cosh_gt0 y). nra.
Qed.

Lemma log_bound n : 1 < n -> 0 < ln n /\ 2 * ln n < n - / n.
Proof.
  intros H. assert (L : 0 < ln n) by (rewrite <- ln_1; apply ln_increasing; lra).
  split; auto. generalize (sinh_gt _ L). unfold sinh.
  rewrite <- ln_Rinv by lra. rewrite !exp_ln; try lra. apply Rinv_0_lt_compat. lra.
Qed.

(** ** Equal depth *)
Lemma equal_depth : forall K, (3 <= K)%nat ->
  let g := gain_equal_depth K in
  exists v, 0 < g < 1 /\ equilibrium K g no_drive v /\ stable K g no_drive v /\
    v 0%nat - v 1%nat = 2 * ln (INR K - 1) /\
    softmax K v 0 = (INR K - 1) / INR K /\
    Phi K g no_drive v = Phi K g no_drive (fun _ => g).
Proof.
  intros K H3 g. assert (P : 3 <= INR K).
  { replace 3 with (INR 3) by (simpl; ring). now apply le_INR. }
  destruct (log_bound (INR K - 1) ltac:(lra)) as [L0 L1].
  set (n := INR K - 1) in *. set (L := ln n) in *.
  set (lo := 2 * L / (n ^ 2 - 1)).
  assert (EK : INR K = n + 1) by (unfold n; ring).
  assert (N2 : 2 <= n) by (unfold n; lra).
  assert (Nn : n ^ 2 - 1 = (n - 1) * (n + 1)) by ring.
  assert (D : 0 < n ^ 2 - 1) by nra.
  assert (Eg : g = n * lo).
  { unfold g, gain_equal_depth, lo. fold n L. rewrite EK, Nn. field. lra. }
  assert (EL : L = lo * (n ^ 2 - 1) / 2) by (unfold lo; field; lra).
  assert (P0 : 0 < lo) by (apply Rdiv_lt_0_compat; lra).
  assert (G1 : n * lo < 1).
  { replace (n - / n) with ((n ^ 2 - 1) * / n) in L1 by (field; lra).
    assert (I : 0 < / n) by (apply Rinv_0_lt_compat; lra).
    assert (lo < / n).
    { apply (Rmult_lt_reg_r (n ^ 2 - 1)); auto.
      replace (lo * (n ^ 2 - 1)) with (2 * L) by lra. lra. }
    apply (Rmult_lt_reg_r (/ n)); auto. replace (n * lo * / n) with lo by (field; lra). lra. }
  assert (EY : exp (2 * L) = n ^ 2).
  { replace (2 * L) with (L + L) by ring. rewrite exp_plus. unfold L. rewrite exp_ln by lra. ring. }
  set (v := one_favoured 0 (lo + 2 * L) lo).
  assert (Eq : equilibrium K g (fun i => 0 * unit_at 0 i) v).
  { apply one_favoured_relation; try lia. rewrite EY, EK, Eg. split.
    - field. nra.
    - rewrite EL. field. nra. }
  assert (Nd : forall i, 0 * unit_at 0 i = no_drive i) by (intros; unfold no_drive; ring).
  assert (Eq' : equilibrium K g no_drive v).
  { intros i I. generalize (Eq i I). unfold expert_field. now rewrite Nd. }
  exists v. repeat split; auto.
  - nra.
  - lra.
  - intros w W. rewrite hessian_formula by lia. rewrite <- (hessian_formula K g (fun i => 0 * unit_at 0 i)) by lia.
    revert w W. apply one_favoured_stable; auto; try lia; [nra |].
    rewrite EY, EK, Eg. replace ((n ^ 2 + (n + 1) - 1) ^ 2) with ((n + 1) ^ 2 * n ^ 2 * 1) by ring.
    replace ((n + 1) ^ 2 * (n * lo) * n ^ 2) with ((n + 1) ^ 2 * n ^ 2 * (n * lo)) by ring.
    apply Rmult_lt_compat_l; [| lra]. apply Rmult_lt_0_compat; apply pow_lt; lra.
  - unfold v, one_favoured. simpl. ring.
  - unfold softmax, v. rewrite (sum_one_favoured K exp) by lia.
    unfold one_favoured. simpl. rewrite exp_plus, EY, EK. generalize (exp_pos lo). intros. field.
    split; nra.
  - unfold Phi, v. rewrite (sum_one_favoured K exp) by lia.
    rewrite (sum_one_favoured K (fun y => y ^ 2 / 2)) by lia.
    unfold no_drive. rewrite !(sum_ext K (fun i => 0 * _) (fun _ => 0)) by (intros; ring).
    rewrite sum_zero, !sum_const.
    replace (exp (lo + 2 * L) + (INR K - 1) * exp lo) with (exp lo * (n * (n + 1)))
      by (rewrite exp_plus, EY; fold n; ring).
    generalize (exp_pos lo) (exp_pos g). intros.
    rewrite (ln_mult (exp lo)), (ln_mult n), (ln_mult (INR K)), !ln_exp by (auto; nra).
    fold L n. rewrite EK. rewrite Eg.
    replace (lo + 2 * L) with (n ^ 2 * lo) by lra.
    rewrite EL. field.
Qed.

Lemma first_order : forall K, (3 <= K)%nat ->
  exists g v, 0 < g < 1 /\ equilibrium K g no_drive v /\ imbalanced K v /\
    stable K g no_drive v /\ stable K g no_drive (fun _ => g).
Proof.
  intros K H3. destruct (equal_depth K H3) as (v & G & E & S & X & _).
  exists (gain_equal_depth K), v. repeat (split; auto).
  - exists 0%nat, 1%nat. repeat split; try lia. intros Q.
    assert (P : 3 <= INR K).
    { replace 3 with (INR 3) by (simpl; ring). now apply le_INR. }
    destruct (log_bound (INR K - 1) ltac:(lra)). lra.
  - apply balanced_stable; [lia | apply G].
Qed.

(** ** Two experts have no such window *)
Lemma two_experts_no_window : forall g v, g <= 1 -> equilibrium 2 g no_drive v -> v 0%nat = v 1%nat.
Proof.
  intros g v G E. generalize (E 0%nat ltac:(lia)) (E 1%nat ltac:(lia)) (proj1 (softmax_two v)).
  unfold expert_field, no_drive. simpl INR. intros A B T.
  assert (Z : F g 1 0 ((v 0%nat - v 1%nat) / 2) = 0).
  { unfold F. rewrite <- T. lra. }
  generalize (proj1 (proj1 (pitchfork_below g 1 Rlt_0_1 G) _) Z). lra.
Qed.

(** ** When imbalanced equilibria exist *)
Definition excess (K : nat) (g x : R) : R :=
  INR K * g * (exp x - 1) - x * (exp x + INR K - 1).

Lemma excess_derive K g x :
  is_derive (excess K g) x (INR K * g * exp x - (exp x + INR K - 1) - x * exp x).
Proof. unfold excess. auto_derive; auto. ring. Qed.

Lemma imbalanced_iff : forall K g, (2 <= K)%nat ->
  (exists v, equilibrium K g no_drive v /\ imbalanced K v) <->
  (exists x, 0 < x /\ x * (exp x + INR K - 1) <= INR K * g * (exp x - 1)).
Proof.
  intros K g HK. generalize (K_pos K HK). intros P. split.
  - intros (v & E & a & b & A & B & N).
    assert (order : exists i j, (i < K)%nat /\ (j < K)%nat /\ v i < v j).
    { destruct (Rtotal_order (v a) (v b)) as [L | [L | L]]; [| easy |].
      - exists a, b. auto.
      - exists b, a. auto. }
    clear a b A B N. destruct order as (i & j & I & J & L).
    exists (v j - v i). split; [lra |].
    (* the two values are the extremes *)
    assert (low : forall m, (m < K)%nat -> v i <= v m).
    { intros m M. destruct (Rle_or_lt (v i) (v m)) as [Q | Q]; auto. exfalso.
      apply xe_straddle in Q; [| now rewrite (equilibrium_xe K g v m), (equilibrium_xe K g v i)].
      apply xe_straddle in L; [lra | now rewrite (equilibrium_xe K g v j), (equilibrium_xe K g v i)]. }
    generalize (E i I) (E j J) (exp_sum_pos K v ltac:(lia)).
    unfold expert_field, softmax, no_drive. set (S := sum K _). intros Ei Ej Ps.
    assert (Sge : exp (v j) + (INR K - 1) * exp (v i) <= S).
    { rewrite <- (sum_one_favoured K exp j (v j) (v i) J). apply sum_le. intros m M.
      unfold one_favoured. destruct (Nat.eqb m j) eqn:Q.
      - apply Nat.eqb_eq in Q. subst. lra.
      - destruct (low m M) as [T | T]; [left; now apply exp_increasing | rewrite T; lra]. }
    assert (X : (v j - v i) * S = INR K * g * (exp (v j) - exp (v i))).
    { replace (v j - v i) with (INR K * g * (exp (v j) / S) - INR K * g * (exp (v i) / S)) by lra.
      field. lra. }
    assert (Pi := exp_pos (v i)).
    replace (exp (v j - v i)) with (exp (v j) * / exp (v i))
      by (unfold Rminus; now rewrite exp_plus, exp_Ropp).
    apply (Rmult_le_reg_r (exp (v i))); auto.
    replace ((v j - v i) * (exp (v j) * / exp (v i) + INR K - 1) * exp (v i))
      with ((v j - v i) * (exp (v j) + (INR K - 1) * exp (v i))) by (field; lra).
    replace (INR K * g * (exp (v j) * / exp (v i) - 1) * exp (v i))
      with (INR K * g * (exp (v j) - exp (v i))) by (field; lra).
    rewrite <- X. apply Rmult_le_compat_l; lra.
  - intros (x & X & H).
    assert (root : exists y, 0 < y /\ excess K g y = 0).
    { destruct (Rle_lt_or_eq_dec _ _ H) as [H' | H']; [| exists x; unfold excess; split; lra].
      set (z := x + Rabs (INR K * g) + 1).
      assert (Z : INR K * g < z) by (unfold z; generalize (Rle_abs (INR K * g)); lra).
      assert (xz : x < z) by (unfold z; generalize (Rabs_pos (INR K * g)); lra).
      destruct (zero_down _ _ (excess_derive K g) x z) as (y & Y & Ey); auto.
      - unfold excess. lra.
      - unfold excess. assert (1 < exp z) by (rewrite <- exp_0; apply exp_increasing; lra). nra.
      - exists y. split; [lra | auto]. }
    destruct root as (y & Py & Ey). unfold excess in Ey.
    assert (Q := exp_pos y).
    set (lo := INR K * g / (exp y + INR K - 1)).
    exists (one_favoured 0 (lo + y) lo). split.
    + assert (E : equilibrium K g (fun i => 0 * unit_at 0 i) (one_favoured 0 (lo + y) lo)).
      { apply one_favoured_relation; try lia. split; auto.
        apply (Rmult_eq_reg_r (exp y + INR K - 1)); [| lra].
        replace ((INR K * g * (exp y - 1) / (exp y + INR K - 1) + 0) * (exp y + INR K - 1))
          with (INR K * g * (exp y - 1)) by (field; lra). lra. }
      intros i I. generalize (E i I). unfold expert_field, no_drive. now rewrite Rmult_0_l.
    + exists 0%nat, 1%nat. repeat split; try lia. unfold one_favoured. simpl. lra.
Qed.

(** ** The fold of the one-favoured family, with a drive eta on the favoured expert *)
Lemma expert_fold : forall K g eta x, (2 <= K)%nat ->
  (one_favoured_gap K g eta x = 0 /\ Derive (one_favoured_gap K g eta) x = 0) <->
  (g = gain_fold K x /\
   eta = x - (exp x - 1) * (exp x + INR K - 1) / (INR K * exp x)).
Proof.
  intros K g eta x HK. generalize (K_pos K HK) (exp_pos x). intros P Q.
  assert (D : Derive (one_favoured_gap K g eta) x =
    INR K ^ 2 * g * exp x / (exp x + INR K - 1) ^ 2 - 1).
  { apply is_derive_unique. unfold one_favoured_gap. auto_derive; [lra |]. field. lra. }
  rewrite D. unfold one_favoured_gap, gain_fold. split.
  - intros [A B].
    assert (G : g = (exp x + INR K - 1) ^ 2 / (INR K ^ 2 * exp x)).
    { replace g with ((INR K ^ 2 * g * exp x / (exp x + INR K - 1) ^ 2 - 1 + 1) *
        ((exp x + INR K - 1) ^ 2 / (INR K ^ 2 * exp x))) by (field; lra).
      rewrite B. ring. }
    split; auto. rewrite G in A.
    replace ((exp x - 1) * (exp x + INR K - 1) / (INR K * exp x)) with
      (INR K * ((exp x + INR K - 1) ^ 2 / (INR K ^ 2 * exp x)) * (exp x - 1) / (exp x + INR K - 1))
      by (field; lra).
    lra.
  - intros [-> ->]. split; field; lra.
Qed.

(* The fold without drive is the exact threshold for imbalanced equilibria. *)
Lemma expert_fold_threshold : forall K g x, (2 <= K)%nat -> 0 < x ->
  fold_gap K x ->
  ((exists v, equilibrium K g no_drive v /\ imbalanced K v) <-> gain_fold K x <= g).
Proof.
  unfold fold_gap. intros K g x HK Hx E. generalize (K_pos K HK) (exp_pos x). intros P Q.
  rewrite imbalanced_iff by auto. unfold gain_fold. set (gf := (exp x + INR K - 1) ^ 2 / (INR K ^ 2 * exp x)).
  assert (Y1 : 1 < exp x) by (rewrite <- exp_0; apply exp_increasing; lra).
  assert (Ex : x * (INR K * exp x) = (exp x - 1) * (exp x + INR K - 1)) by (rewrite E at 1; field; lra).
  assert (Z : excess K gf x = 0).
  { unfold excess, gf.
    apply (Rmult_eq_reg_r (INR K * exp x)); [| nra].
    replace (_ * (INR K * exp x)) with
     ((exp x + INR K - 1) * ((exp x - 1) * (exp x + INR K - 1) - x * (INR K * exp x))) by (field; lra).
    rewrite Ex. ring. }
  set (d := fun y => INR K * gf * exp y - (exp y + INR K - 1) - y * exp y).
  assert (Z' : d x = 0).
  { unfold d, gf. apply (Rmult_eq_reg_r (INR K)); [| lra].
    replace (_ * INR K) with ((exp x + INR K - 1) * (exp x + INR K - 1) - (exp x + INR K - 1) * INR K
      - x * (INR K * exp x)) by (field; lra).
    rewrite Ex. ring. }
  set (a := INR K * gf - 2).
  assert (Dd : forall y, is_derive d y ((a - y) * exp y)).
  { intros y. unfold d, a. auto_derive; auto. ring. }
  assert (E0 : excess K gf 0 = 0) by (unfold excess; rewrite exp_0; ring).
  assert (De := excess_derive K gf). fold d in De.
  assert (up : forall s t, s < t -> t <= a -> d s < d t).
  { intros s t L1 L2. apply (increasing_on _ _ Dd); auto. intros y I.
    generalize (exp_pos y). nra. }
  assert (dn : forall s t, s < t -> a <= s -> d t < d s).
  { intros s t L1 L2. apply (decreasing_on _ _ Dd); auto. intros y I.
    generalize (exp_pos y). nra. }
  assert (xa : a < x).
  { destruct (Rlt_or_le a x) as [L | L]; auto. exfalso.
    assert (excess K gf x < excess K gf 0); [| lra].
    apply (decreasing_on _ _ De); auto. intros y I. change (d y < 0). rewrite <- Z'. apply up; lra. }
  assert (neg : forall y, 0 < y -> excess K gf y <= 0).
  { assert (right : forall y, a <= y -> 0 < y -> excess K gf y <= 0).
    { intros y A Y. destruct (Rtotal_order y x) as [L | [-> | L]]; [| lra |].
      - left. rewrite <- Z. apply (increasing_on _ _ De); auto. intros t I. change (0 < d t).
        rewrite <- Z'. apply dn; lra.
      - left. rewrite <- Z. apply (decreasing_on _ _ De); auto. intros t I. change (d t < 0).
        rewrite <- Z'. apply dn; lra. }
    intros y Y. destruct (Rle_or_lt a y) as [A | A]; [now apply right |].
    (* left of a the excess is convex, at most zero at both ends *)
    destruct (Rle_or_lt (d y) 0) as [S | S].
    - rewrite <- E0. left. apply (decreasing_on _ _ De); auto. intros t I. change (d t < 0).
      apply Rlt_le_trans with (d y); auto. apply up; lra.
    - apply Rle_trans with (excess K gf a); [| apply right; lra].
      left. apply (increasing_on _ _ De); auto. intros t I. change (0 < d t).
      apply Rlt_trans with (d y); auto. apply up; lra. }
  split.
  - intros (y & Y & H). generalize (neg y Y). unfold excess. intros N.
    assert (1 < exp y) by (rewrite <- exp_0; apply exp_increasing; lra).
    assert (M : gf * (INR K * (exp y - 1)) <= g * (INR K * (exp y - 1))) by lra.
    apply Rmult_le_reg_r in M; auto. apply Rmult_lt_0_compat; lra.
  - intros H. exists x. split; auto. unfold excess in Z.
    assert (INR K * gf * (exp x - 1) <= INR K * g * (exp x - 1)).
    { apply Rmult_le_compat_r; [lra |]. apply Rmult_le_compat_l; lra. }
    lra.
Qed.

(* The fold exists, is unique, and lies below the critical gain, for three experts or more. *)
Definition gap_excess (K : nat) (x : R) : R :=
  (exp x + INR K - 2 - (INR K - 1) / exp x) / INR K - x.

Lemma gap_excess_derive K x : (2 <= K)%nat ->
  is_derive (gap_excess K) x ((exp x - 1) * (exp x - (INR K - 1)) / (INR K * exp x)).
Proof.
  intros HK. generalize (K_pos K HK) (exp_pos x). intros P Q.
  unfold gap_excess. auto_derive; [lra |]. field. lra.
Qed.

Lemma gap_excess_zero K : (2 <= K)%nat -> gap_excess K 0 = 0.
Proof. intros HK. generalize (K_pos K HK). intros P. unfold gap_excess. rewrite exp_0. field. lra. Qed.

Lemma gap_excess_sign K y : (2 <= K)%nat -> 0 < y ->
  (y < ln (INR K - 1) -> (exp y - 1) * (exp y - (INR K - 1)) / (INR K * exp y) < 0) /\
  (ln (INR K - 1) < y -> 0 < (exp y - 1) * (exp y - (INR K - 1)) / (INR K * exp y)).
Proof.
  intros HK Y. generalize (K_pos K HK) (exp_pos y). intros P Q.
  assert (Y1 : 1 < exp y) by (rewrite <- exp_0; apply exp_increasing; lra).
  assert (I : 0 < / (INR K * exp y)) by (apply Rinv_0_lt_compat, Rmult_lt_0_compat; lra).
  assert (En : exp (ln (INR K - 1)) = INR K - 1) by (apply exp_ln; lra).
  unfold Rdiv. split; intros L; apply exp_increasing in L; rewrite En in L; set (i := / _) in *.
  - replace ((exp y - 1) * (exp y - (INR K - 1)) * i) with
      (- ((exp y - 1) * (INR K - 1 - exp y) * i)) by ring.
    apply Ropp_lt_gt_0_contravar. repeat apply Rmult_lt_0_compat; lra.
  - repeat apply Rmult_lt_0_compat; lra.
Qed.

Lemma fold_gap_excess K x : fold_gap K x <-> gap_excess K x = 0.
Proof. unfold fold_gap, gap_excess. split; lra. Qed.

Lemma fold_gap_unique K x y : (3 <= K)%nat -> 0 < x -> 0 < y -> fold_gap K x -> fold_gap K y -> x = y.
Proof.
  intros H3 X Y. assert (HK : (2 <= K)%nat) by lia.
  rewrite !fold_gap_excess. intros Zx Zy.
  assert (D := fun x => gap_excess_derive K x HK).
  assert (beyond : forall z, 0 < z -> gap_excess K z = 0 -> ln (INR K - 1) < z).
  { intros z P Z. destruct (Rlt_or_le (ln (INR K - 1)) z) as [L | L]; auto. exfalso.
    assert (gap_excess K z < gap_excess K 0); [| rewrite gap_excess_zero in *; auto; lra].
    apply (decreasing_on _ _ D); auto. intros t I. apply gap_excess_sign; auto; lra. }
  assert (no : forall a b, 0 < a -> a < b -> gap_excess K a = 0 -> gap_excess K b = 0 -> False).
  { intros a b A L Za Zb. generalize (beyond a A Za). intros Q.
    assert (gap_excess K a < gap_excess K b); [| lra].
    apply (increasing_on _ _ D); auto. intros t I. apply gap_excess_sign; auto; lra. }
  destruct (Rtotal_order x y) as [L | [L | L]]; auto; exfalso.
  - exact (no x y X L Zx Zy).
  - exact (no y x Y L Zy Zx).
Qed.

Lemma expert_fold_exists : forall K, (3 <= K)%nat ->
  exists x, 0 < x /\ fold_gap K x /\ (forall y, 0 < y -> fold_gap K y -> y = x) /\
    0 < gain_fold K x < 1.
Proof.
  intros K H3. assert (HK : (2 <= K)%nat) by lia.
  assert (P : 3 <= INR K).
  { replace 3 with (INR 3) by (simpl; ring). now apply le_INR. }
  assert (D := fun x => gap_excess_derive K x HK).
  destruct (log_bound (INR K - 1) ltac:(lra)) as [L0 _]. set (m := ln (INR K - 1)) in *.
  assert (neg : gap_excess K m < 0).
  { rewrite <- (gap_excess_zero K HK). apply (decreasing_on _ _ D); auto.
    intros t I. unfold m in *. apply gap_excess_sign; auto; lra. }
  set (b := m + 2 * INR K).
  assert (pos : 0 < gap_excess K b).
  { generalize (exp_ge_quadratic b ltac:(unfold b; lra)). intros Q. unfold gap_excess.
    assert (B1 : 2 * INR K < b) by (unfold b; lra).
    assert (Y1 : 1 <= exp b) by nra.
    assert (I : (INR K - 1) / exp b <= INR K - 1).
    { apply Rle_div_l; [lra |]. nra. }
    apply (Rmult_lt_reg_r (INR K)); [lra |]. rewrite Rmult_0_l.
    replace (((exp b + INR K - 2 - (INR K - 1) / exp b) / INR K - b) * INR K) with
      (exp b + INR K - 2 - (INR K - 1) / exp b - b * INR K) by (field; lra). nra. }
  destruct (zero_up _ _ D m b ltac:(unfold b; lra) neg pos) as (x & I & Z).
  assert (X : 0 < x) by lra. assert (G : fold_gap K x) by now apply fold_gap_excess.
  exists x. split; auto. split; auto. split.
  - intros y Y Gy. now apply (fold_gap_unique K).
  - split.
    + unfold gain_fold. assert (Q := exp_pos x). apply Rdiv_lt_0_compat; [apply pow_lt; lra |].
      apply Rmult_lt_0_compat; [apply pow_lt; lra | auto].
    + destruct (first_order K H3) as (g & v & Hg & E & Im & _).
      assert (gain_fold K x <= g); [| lra].
      apply (expert_fold_threshold K g x HK X G). now exists v.
Qed.
