(* How many equilibria two experts have, where they lie, and which are stable. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions Hyperbolic Counting Dynamics.
Open Scope R_scope.

Section Above.
Variables k lam : R.
Hypothesis Hl : 0 < lam.
Hypothesis Hk : lam < k.

Let v := fold_point k lam.

Local Lemma ratio : 1 < k / lam.
Proof. apply Rlt_div_r; lra. Qed.

Local Lemma root_ratio : 1 < sqrt (k / lam).
Proof. rewrite <- sqrt_1. apply sqrt_lt_1; generalize ratio; lra. Qed.

Lemma fold_point_pos : 0 < v.
Proof. apply arcosh_gt0, root_ratio. Qed.

Lemma cosh_fold_point : lam * cosh v ^ 2 = k.
Proof.
  unfold v, fold_point. rewrite cosh_arcosh by (generalize root_ratio; lra).
  rewrite <- Rsqr_pow2, Rsqr_sqrt by (generalize ratio; lra). field. lra.
Qed.

Lemma tanh_fold_point : k * tanh v = sqrt (k * (k - lam)).
Proof.
  generalize fold_point_pos (tanh_sq v) cosh_fold_point (cosh_gt0 v). intros P T C G.
  replace (k * (k - lam)) with ((k * tanh v) ^ 2).
  - rewrite sqrt_pow2; auto. generalize (tanh_gt0 v P). nra.
  - assert (Q : tanh v ^ 2 = 1 - lam / k).
    { replace (lam / k) with (/ cosh v ^ 2); [lra |]. rewrite <- C. field. lra. }
    rewrite Rpow_mult_distr, Q. field. lra.
Qed.

Lemma eta_fold_point : eta_fold k lam = k * tanh v - lam * v.
Proof. unfold eta_fold. rewrite tanh_fold_point. reflexivity. Qed.

Lemma F1_sign u :
  (F1 k lam u < 0 <-> v < Rabs u) /\ (F1 k lam u = 0 <-> Rabs u = v) /\
  (0 < F1 k lam u <-> Rabs u < v).
Proof.
  generalize (F1_cosh k lam u) cosh_fold_point (cosh_gt0 u) fold_point_pos. intros E C G P.
  assert (V : Rabs v = v) by (apply Rabs_pos_eq; lra).
  generalize (cosh_lt_sq u v) (cosh_lt_sq v u). rewrite V. intros [A1 A2] [B1 B2].
  assert (up : Rabs u < v -> 0 < F1 k lam u) by (intros H; apply A2 in H; nra).
  assert (dn : v < Rabs u -> F1 k lam u < 0) by (intros H; apply B2 in H; nra).
  assert (eq : Rabs u = v -> F1 k lam u = 0).
  { intros H. destruct (Rtotal_order (cosh u ^ 2) (cosh v ^ 2)) as [L | [L | L]].
    - apply A1 in L. lra.
    - apply (Rmult_eq_reg_r (cosh u ^ 2)); [rewrite E, L; lra | nra].
    - apply B1 in L. lra. }
  destruct (Rtotal_order (Rabs u) v) as [L | [L | L]];
  repeat split; intros H; auto; try lra;
  solve [generalize (up L); lra | generalize (eq L); lra | generalize (dn L); lra].
Qed.

Lemma F1_outer u : u < - v \/ v < u -> F1 k lam u < 0.
Proof.
  intros H. apply F1_sign. generalize fold_point_pos. unfold Rabs. destruct (Rcase_abs u); lra.
Qed.

Lemma F1_inner u : - v < u < v -> 0 < F1 k lam u.
Proof. intros H. apply F1_sign. apply Rabs_def1; lra. Qed.

Section Asymmetry.
Variable eta : R.

Lemma F_at_fold_right : F k lam eta v = eta + eta_fold k lam.
Proof. unfold F. rewrite eta_fold_point. ring. Qed.

Lemma F_at_fold_left : F k lam eta (- v) = eta - eta_fold k lam.
Proof. unfold F. rewrite eta_fold_point, tanh_odd. ring. Qed.

Lemma F_turning : forall (P : Prop),
  ((- v < v) -> (forall x, x < - v -> F1 k lam x < 0) ->
   (forall x, - v < x < v -> 0 < F1 k lam x) -> (forall x, v < x -> F1 k lam x < 0) ->
   (exists x, x < - v /\ 0 < F k lam eta x) -> (exists x, v < x /\ F k lam eta x < 0) -> P) -> P.
Proof.
  intros P H. generalize fold_point_pos. intros Q. apply H; try lra.
  - intros x L. apply F1_outer. auto.
  - intros x L. now apply F1_inner.
  - intros x L. apply F1_outer. auto.
  - now apply F_left.
  - now apply F_right.
Qed.

Lemma count_above :
  (has_zeros 3 (F k lam eta) <-> Rabs eta < eta_fold k lam) /\
  (has_zeros 2 (F k lam eta) <-> Rabs eta = eta_fold k lam) /\
  (has_zeros 1 (F k lam eta) <-> eta_fold k lam < Rabs eta).
Proof.
  apply F_turning. intros.
  apply (count_by_turning_values _ _ (F_derive k lam eta) (- v) v); auto.
  - apply F_at_fold_left.
  - apply F_at_fold_right.
Qed.

Lemma three_located : Rabs eta < eta_fold k lam ->
  exists a b c, a < - v /\ - v < b < v /\ v < c /\
    forall u, F k lam eta u = 0 <-> u = a \/ u = b \/ u = c.
Proof.
  intros H. apply Rabs_def2 in H. apply F_turning. intros.
  apply (three_zeros _ _ (F_derive k lam eta) (- v) v); auto.
  - rewrite F_at_fold_left. lra.
  - rewrite F_at_fold_right. lra.
Qed.
End Asymmetry.
End Above.

Lemma zeros_three : forall k lam eta, 0 < lam -> lam < k ->
  (has_zeros 3 (F k lam eta) <-> Rabs eta < eta_fold k lam).
Proof. intros. now apply count_above. Qed.

Lemma zeros_two : forall k lam eta, 0 < lam -> lam < k ->
  (has_zeros 2 (F k lam eta) <-> Rabs eta = eta_fold k lam).
Proof. intros. now apply count_above. Qed.

Lemma zeros_one : forall k lam eta, 0 < lam -> lam < k ->
  (has_zeros 1 (F k lam eta) <-> eta_fold k lam < Rabs eta).
Proof. intros. now apply count_above. Qed.

Lemma eta_fold_pos : forall k lam, 0 < lam -> lam < k -> 0 < eta_fold k lam.
Proof.
  intros k lam Hl Hk.
  generalize (fold_point_pos k lam Hl Hk). intros P.
  assert (E : F k lam 0 (- fold_point k lam) < F k lam 0 (fold_point k lam)).
  { apply (increasing_on _ _ (F_derive k lam 0)); [lra |].
    intros x I. now apply F1_inner. }
  rewrite F_at_fold_left, F_at_fold_right in E by auto. lra.
Qed.

(* Outer two stable, middle one unstable. *)
Lemma three_stability : forall k lam eta, 0 < lam -> lam < k -> Rabs eta < eta_fold k lam ->
  exists a b c, a < b < c /\ (forall u, F k lam eta u = 0 <-> u = a \/ u = b \/ u = c) /\
    Derive (F k lam eta) a < 0 /\ 0 < Derive (F k lam eta) b /\ Derive (F k lam eta) c < 0.
Proof.
  intros k lam eta Hl Hk H.
  destruct (three_located k lam Hl Hk eta H) as (a & b & c & A & B & C & Z).
  exists a, b, c. rewrite !Derive_F. split; [lra |]. split; auto.
  split; [| split]; [apply F1_outer | apply F1_inner | apply F1_outer]; auto.
Qed.

(* At the fold: one degenerate equilibrium, one stable. *)
Lemma two_stability : forall k lam eta, 0 < lam -> lam < k -> Rabs eta = eta_fold k lam ->
  exists d s, d <> s /\ (forall u, F k lam eta u = 0 <-> u = d \/ u = s) /\
    Derive (F k lam eta) d = 0 /\ Derive_n (F k lam eta) 2 d <> 0 /\ Derive (F k lam eta) s < 0.
Proof.
  intros k lam eta Hl Hk H. generalize (fold_point_pos k lam Hl Hk). intros P.
  assert (N : F2 k (fold_point k lam) <> 0 /\ F2 k (- fold_point k lam) <> 0).
  { unfold F2. rewrite tanh_odd.
    generalize (tanh_gt0 _ P) (tanh_lt1 (fold_point k lam)). generalize (tanh (fold_point k lam)). intros t T0 T1.
    assert (0 < k * (t * ((1 - t) * (1 + t)))) by (repeat apply Rmult_lt_0_compat; lra).
    assert (E : t - t ^ 3 = t * ((1 - t) * (1 + t))) by ring.
    replace (- t - (- t) ^ 3) with (- (t * ((1 - t) * (1 + t)))) by ring.
    rewrite E. split; lra. }
  unfold Rabs in H. destruct (Rcase_abs eta); revert H.
  - intros H. apply (F_turning k lam Hl Hk eta). intros pq dl dm dr l r'.
    destruct (two_zeros_right _ _ (F_derive k lam eta) _ _ pq dl dm dr l) as (s & S & Z).
    { rewrite F_at_fold_right by auto. lra. }
    exists (fold_point k lam), s. rewrite Derive2_F, !Derive_F. split; [lra |].
    split; [intros u; rewrite Z; tauto |]. split; [| split; [tauto | apply dl; lra]].
    apply F1_sign; auto. apply Rabs_pos_eq. lra.
  - intros H. apply (F_turning k lam Hl Hk eta). intros pq dl dm dr l r'.
    destruct (two_zeros_left _ _ (F_derive k lam eta) _ _ pq dl dm dr r') as (s & S & Z).
    { rewrite F_at_fold_left by auto. lra. }
    exists (- fold_point k lam), s. rewrite Derive2_F, !Derive_F. split; [lra |].
    split; [intros u; rewrite Z; tauto |]. split; [| split; [tauto | apply dr; lra]].
    apply F1_sign; auto. rewrite Rabs_Ropp. apply Rabs_pos_eq. lra.
Qed.

(** ** Pitchfork: no asymmetry *)
Lemma F_zero k lam : F k lam 0 0 = 0.
Proof. unfold F. rewrite tanh_zero. ring. Qed.

Lemma F1_zero k lam : F1 k lam 0 = k - lam.
Proof. unfold F1. rewrite tanh_zero. ring. Qed.

Lemma pitchfork_zeros : forall k lam, 0 < lam -> lam < k ->
  exists us, 0 < us /\ (forall u, F k lam 0 u = 0 <-> u = 0 \/ u = us \/ u = - us) /\
    0 < Derive (F k lam 0) 0 /\ Derive (F k lam 0) us < 0 /\ Derive (F k lam 0) (- us) < 0.
Proof.
  intros k lam Hl Hk. generalize (fold_point_pos k lam Hl Hk). intros P.
  destruct (three_located k lam Hl Hk 0) as (a & b & c & A & B & C & Z).
  { rewrite Rabs_R0. now apply eta_fold_pos. }
  assert (b = 0).
  { destruct (proj1 (Z 0) (F_zero k lam)) as [E | [E | E]]; auto; lra. }
  subst b.
  assert (a = - c).
  { assert (F k lam 0 (- c) = 0).
    { rewrite F_odd, Ropp_0. rewrite (proj2 (Z c)); auto. lra. }
    destruct (proj1 (Z (- c)) H) as [E | [E | E]]; auto; lra. }
  subst a. exists c. rewrite !Derive_F. split; [lra |].
  split; [intros u; rewrite Z; tauto |].
  split; [| split]; [apply F1_inner | apply F1_outer | apply F1_outer]; auto; lra.
Qed.

Lemma pitchfork_below : forall k lam, 0 < lam -> k <= lam ->
  (forall u, F k lam 0 u = 0 <-> u = 0) /\ (k < lam -> Derive (F k lam 0) 0 < 0).
Proof.
  intros k lam Hl Hk. split.
  - destruct (unique_equilibrium k lam 0 Hl Hk) as (c & Z).
    assert (0 = c) by apply Z, F_zero. subst c. exact Z.
  - intros L. rewrite Derive_F, F1_zero. lra.
Qed.

Lemma pitchfork_criticality : forall lam, 0 < lam ->
  F lam lam 0 0 = 0 /\ Derive (F lam lam 0) 0 = 0 /\ Derive_n (F lam lam 0) 2 0 = 0 /\
  Derive_n (F lam lam 0) 3 0 = - 2 * lam /\ - 2 * lam < 0 /\
  Derive (fun k => F k lam 0 0) lam = 0 /\ Derive (fun k => Derive (F k lam 0) 0) lam = 1.
Proof.
  intros lam Hl. rewrite Derive3_F, Derive2_F, Derive_F, F_zero, F1_zero, Derive_F_gain, Derive_F1_gain.
  unfold F2, F3. rewrite tanh_zero. repeat split; lra.
Qed.

(** ** Equally deep wells *)
Lemma V_even k lam eta u : V k lam eta (- u) = V k lam (- eta) u.
Proof. unfold V. rewrite cosh_even. field. Qed.

Lemma V_tilt k lam eta u : V k lam (- eta) u = V k lam eta u + 2 * eta * u.
Proof. unfold V. field. Qed.

(* Three equilibria are the located ones. *)
Lemma three_are_located k lam eta a b c : 0 < lam -> lam < k -> a < b < c ->
  F k lam eta a = 0 -> F k lam eta b = 0 -> F k lam eta c = 0 ->
  a < - fold_point k lam /\ - fold_point k lam < b < fold_point k lam /\ fold_point k lam < c /\
  Rabs eta < eta_fold k lam.
Proof.
  intros Hl Hk O A B C.
  assert (T : Rabs eta < eta_fold k lam).
  { destruct (Rtotal_order (Rabs eta) (eta_fold k lam)) as [L | [L | L]]; auto; exfalso.
    - destruct (two_stability k lam eta Hl Hk L) as (d & s & _ & Z & _).
      apply Z in A. apply Z in B. apply Z in C. lra.
    - apply zeros_one in L; auto. destruct L as (l & N & Len & Z).
      apply Z in A. apply Z in B. destruct l as [| x [| y l]]; simpl in *; try lia.
      destruct A as [-> | []]. destruct B as [-> | []]. lra. }
  destruct (three_located k lam Hl Hk eta T) as (x & y & z & X & Y & W & Q).
  apply Q in A. apply Q in B. apply Q in C.
  assert (a = x /\ b = y /\ c = z) as (-> & -> & ->) by lra. auto.
Qed.

Lemma right_well_deeper k lam eta a b c : 0 < lam -> lam < k -> a < b < c ->
  F k lam eta a = 0 -> F k lam eta b = 0 -> F k lam eta c = 0 -> 0 < eta ->
  V k lam eta c < V k lam eta a.
Proof.
  intros Hl Hk O A B C P.
  destruct (three_are_located k lam eta a b c Hl Hk O A B C) as (La & Lb & Lc & _).
  generalize (fold_point_pos k lam Hl Hk). intros Vp.
  apply Rle_lt_trans with (V k lam eta (- a)).
  - assert (fall : forall x y, fold_point k lam <= x -> x < y -> F k lam eta y < F k lam eta x).
    { intros x y X L. apply (decreasing_on _ _ (F_derive k lam eta)); auto. intros t I.
      apply F1_outer; auto. lra. }
    destruct (Rtotal_order c (- a)) as [L | [-> | L]]; [| lra |]; left.
    + apply (increasing_on _ _ (V_derive k lam eta)); auto. intros x I.
      generalize (fall c x ltac:(lra) ltac:(lra)). lra.
    + apply (decreasing_on _ _ (V_derive k lam eta)); auto. intros x I.
      generalize (fall x c ltac:(lra) ltac:(lra)). lra.
  - rewrite V_even, V_tilt. nra.
Qed.

Lemma maxwell : forall k lam eta a b c, 0 < lam -> lam < k -> a < b < c ->
  F k lam eta a = 0 -> F k lam eta b = 0 -> F k lam eta c = 0 ->
  (V k lam eta a = V k lam eta c <-> eta = 0).
Proof.
  intros k lam eta a b c Hl Hk O A B C. split.
  - intros E. destruct (Rtotal_order eta 0) as [L | [L | L]]; auto; exfalso.
    + assert (H : V k lam (- eta) (- a) < V k lam (- eta) (- c)).
      { apply (right_well_deeper k lam (- eta) (- c) (- b) (- a)); auto; try lra;
        rewrite F_odd, Ropp_involutive; lra. }
      rewrite !V_even, Ropp_involutive in H. lra.
    + generalize (right_well_deeper k lam eta a b c Hl Hk O A B C L). lra.
  - intros ->. destruct (pitchfork_zeros k lam Hl Hk) as (us & P & Z & _).
    apply Z in A. apply Z in B. apply Z in C.
    assert (a = - c) as -> by lra. rewrite V_even. f_equal. ring.
Qed.
