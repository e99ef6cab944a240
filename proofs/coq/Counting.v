(* Counting zeros. A function that strictly decreases, increases, decreases has one, two or
   three zeros, as its two turning values say. One section serves the exact field and the cubic. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Import Definitions.
Import ListNotations.
Open Scope R_scope.

Lemma count_unique n m f : has_zeros n f -> has_zeros m f -> n = m.
Proof.
  intros (l & Nl & Ll & Hl) (l' & Nl' & Ll' & Hl').
  assert (length l <= length l')%nat.
  { apply NoDup_incl_length; auto. intros x I. now apply Hl', Hl. }
  assert (length l' <= length l)%nat.
  { apply NoDup_incl_length; auto. intros x I. now apply Hl, Hl'. }
  lia.
Qed.

Lemma count_ext n f g : (forall x, f x = 0 <-> g x = 0) -> has_zeros n f -> has_zeros n g.
Proof.
  intros E (l & N & L & H). exists l. repeat split; auto; intros.
  - now apply E, H.
  - now apply H, E.
Qed.

Lemma count_one f a : (forall x, f x = 0 <-> x = a) -> has_zeros 1 f.
Proof.
  intros H. exists [a]. repeat split; auto.
  - repeat constructor; simpl; tauto.
  - simpl. intros [E | []]. apply H. auto.
  - intros E. left. symmetry. now apply H.
Qed.

Lemma count_two f a b : a <> b -> (forall x, f x = 0 <-> x = a \/ x = b) -> has_zeros 2 f.
Proof.
  intros N H. exists [a; b]. repeat split; auto.
  - repeat constructor; simpl; intuition.
  - simpl. intros E. apply H. intuition.
  - intros E. apply H in E. simpl. intuition.
Qed.

Lemma count_three f a b c : a < b -> b < c ->
  (forall x, f x = 0 <-> x = a \/ x = b \/ x = c) -> has_zeros 3 f.
Proof.
  intros L1 L2 H. exists [a; b; c]. repeat split; auto.
  - repeat constructor; simpl; intuition lra.
  - simpl. intros E. apply H. intuition.
  - intros E. apply H in E. simpl. intuition.
Qed.

Section Field.
Variables f df : R -> R.
Hypothesis D : forall x, is_derive f x (df x).

Lemma field_continuous : continuity f.
Proof.
  intros x. apply derivable_continuous_pt. exists (df x). apply is_derive_Reals, D.
Qed.

Lemma mvt a b : a < b -> exists c, f b - f a = df c * (b - a) /\ a < c < b.
Proof. intros H. apply MVT_cor2; auto. intros c _. apply is_derive_Reals, D. Qed.

Lemma decreasing_on a b : a < b -> (forall x, a < x < b -> df x < 0) -> f b < f a.
Proof. intros H P. destruct (mvt a b H) as (c & E & I). generalize (P c I). nra. Qed.

Lemma increasing_on a b : a < b -> (forall x, a < x < b -> 0 < df x) -> f a < f b.
Proof. intros H P. destruct (mvt a b H) as (c & E & I). generalize (P c I). nra. Qed.

Lemma zero_up a b : a < b -> f a < 0 -> 0 < f b -> exists c, a < c < b /\ f c = 0.
Proof.
  intros H A B. destruct (IVT f a b field_continuous H A B) as (c & I & E).
  exists c. split; auto.
  assert (c <> a) by (intros ->; lra). assert (c <> b) by (intros ->; lra). lra.
Qed.

Lemma zero_down a b : a < b -> 0 < f a -> f b < 0 -> exists c, a < c < b /\ f c = 0.
Proof.
  intros H A B.
  destruct (IVT (fun x => - f x) a b) as (c & I & E); try lra.
  { apply (continuity_opp f), field_continuous. }
  exists c. split; [| lra].
  assert (c <> a) by (intros ->; lra). assert (c <> b) by (intros ->; lra). lra.
Qed.

(** One zero: strictly decreasing with both signs. *)
Section Decreasing.
Hypothesis dec : forall a b, a < b -> f b < f a.
Hypothesis left : exists x, 0 < f x.
Hypothesis right : exists x, f x < 0.

Lemma single : exists c, forall x, f x = 0 <-> x = c.
Proof.
  destruct left as (a & A), right as (b & B).
  assert (a < b).
  { destruct (Rtotal_order a b) as [L | [L | L]]; auto; [subst; lra |].
    apply dec in L. lra. }
  destruct (zero_down a b) as (c & I & E); auto.
  exists c. intros x. split; intros H'; [| now subst].
  destruct (Rtotal_order x c) as [L | [L | L]]; auto; apply dec in L; lra.
Qed.
End Decreasing.

(** Down, up, down, with turning points p < q. *)
Section Turning.
Variables p q : R.
Hypothesis pq : p < q.
Hypothesis dl : forall x, x < p -> df x < 0.
Hypothesis dm : forall x, p < x < q -> 0 < df x.
Hypothesis dr : forall x, q < x -> df x < 0.
Hypothesis left : exists x, x < p /\ 0 < f x.
Hypothesis right : exists x, q < x /\ f x < 0.

Lemma fall_left x y : x < y -> y <= p -> f y < f x.
Proof. intros H L. apply decreasing_on; auto. intros z I. apply dl. lra. Qed.

Lemma rise_middle x y : p <= x -> x < y -> y <= q -> f x < f y.
Proof. intros A H B. apply increasing_on; auto. intros z I. apply dm. lra. Qed.

Lemma fall_right x y : q <= x -> x < y -> f y < f x.
Proof. intros A H. apply decreasing_on; auto. intros z I. apply dr. lra. Qed.

(* The values, region by region, once a zero of the region is known. *)
Local Ltac region := 
  match goal with
  | |- ?x = ?y => destruct (Rtotal_order x y) as [?L | [?L | ?L]]; auto; exfalso
  end.

Lemma unique_left a x : a <= p -> x <= p -> f a = 0 -> f x = 0 -> x = a.
Proof. intros. region; apply fall_left in L; lra. Qed.

Lemma unique_middle a x : p <= a <= q -> p <= x <= q -> f a = 0 -> f x = 0 -> x = a.
Proof. intros. region; apply rise_middle in L; lra. Qed.

Lemma unique_right a x : q <= a -> q <= x -> f a = 0 -> f x = 0 -> x = a.
Proof. intros. region; apply fall_right in L; lra. Qed.

Lemma root_left : f p < 0 -> exists a, a < p /\ f a = 0.
Proof.
  intros P. destruct left as (x & L & H). destruct (zero_down x p) as (a & I & E); auto.
  exists a; split; [lra | auto].
Qed.

Lemma root_right : 0 < f q -> exists c, q < c /\ f c = 0.
Proof.
  intros P. destruct right as (x & L & H). destruct (zero_down q x) as (a & I & E); auto.
  exists a; split; [lra | auto].
Qed.

Lemma turning_values : f p < f q.
Proof. apply rise_middle; lra. Qed.

Lemma no_left x : x <= p -> 0 < f p -> f x <> 0.
Proof.
  intros [L | ->] P E; [| lra]. apply fall_left in L; lra.
Qed.

Lemma no_right x : q <= x -> f q < 0 -> f x <> 0.
Proof.
  intros [L | <-] P E; [| lra]. apply fall_right in L; lra.
Qed.

Lemma no_middle_pos x : p < x <= q -> 0 <= f p -> f x <> 0.
Proof. intros [A B] P E. generalize (rise_middle p x). lra. Qed.

Lemma no_middle_neg x : p <= x < q -> f q <= 0 -> f x <> 0.
Proof. intros [A B] P E. generalize (rise_middle x q). lra. Qed.

Lemma three_zeros : f p < 0 -> 0 < f q ->
  exists a b c, a < p /\ p < b < q /\ q < c /\
    forall x, f x = 0 <-> x = a \/ x = b \/ x = c.
Proof.
  intros P Q.
  destruct (root_left P) as (a & La & Ea), (root_right Q) as (c & Lc & Ec),
    (zero_up p q pq P Q) as (b & Lb & Eb).
  exists a, b, c. do 3 (split; [auto |]). intros x. split.
  - intros E. destruct (Rle_or_lt x p) as [L | L].
    + left. apply unique_left; lra.
    + destruct (Rle_or_lt x q) as [M | M].
      * right; left. apply unique_middle; lra.
      * right; right. apply unique_right; lra.
  - intros [-> | [-> | ->]]; auto.
Qed.

Lemma two_zeros_left : f p = 0 -> exists c, q < c /\ forall x, f x = 0 <-> x = p \/ x = c.
Proof.
  intros P. generalize turning_values; intros T.
  destruct root_right as (c & Lc & Ec); [lra |].
  exists c. split; auto. intros x. split; [| intros [-> | ->]; auto].
  intros E. destruct (Rle_or_lt x p) as [L | L].
  - left. apply unique_left; lra.
  - destruct (Rle_or_lt x q) as [M | M].
    + exfalso. apply (no_middle_pos x); lra.
    + right. apply unique_right; lra.
Qed.

Lemma two_zeros_right : f q = 0 -> exists a, a < p /\ forall x, f x = 0 <-> x = a \/ x = q.
Proof.
  intros Q. generalize turning_values; intros T.
  destruct root_left as (a & La & Ea); [lra |].
  exists a. split; auto. intros x. split; [| intros [-> | ->]; auto].
  intros E. destruct (Rle_or_lt x p) as [L | L].
  - left. apply unique_left; lra.
  - destruct (Rlt_or_le x q) as [M | M].
    + exfalso. apply (no_middle_neg x); lra.
    + right. apply unique_right; lra.
Qed.

Lemma one_zero_right : 0 < f p -> exists c, q < c /\ forall x, f x = 0 <-> x = c.
Proof.
  intros P. generalize turning_values; intros T.
  destruct root_right as (c & Lc & Ec); [lra |].
  exists c. split; auto. intros x. split; [| intros ->; auto].
  intros E. destruct (Rle_or_lt x p) as [L | L].
  - exfalso. apply (no_left x); lra.
  - destruct (Rle_or_lt x q) as [M | M].
    + exfalso. apply (no_middle_pos x); lra.
    + apply unique_right; lra.
Qed.

Lemma one_zero_left : f q < 0 -> exists a, a < p /\ forall x, f x = 0 <-> x = a.
Proof.
  intros Q. generalize turning_values; intros T.
  destruct root_left as (a & La & Ea); [lra |].
  exists a. split; auto. intros x. split; [| intros ->; auto].
  intros E. destruct (Rle_or_lt x p) as [L | L].
  - apply unique_left; lra.
  - exfalso. destruct (Rlt_or_le x q) as [M | M].
    + apply (no_middle_neg x); lra.
    + apply (no_right x); lra.
Qed.

(* The count as a function of where the symmetric turning values c - r, c + r lie. *)
Lemma count_by_turning_values c r : f p = c - r -> f q = c + r ->
  (has_zeros 3 f <-> Rabs c < r) /\ (has_zeros 2 f <-> Rabs c = r) /\
  (has_zeros 1 f <-> r < Rabs c).
Proof.
  intros P Q. generalize turning_values; intros T.
  assert (H3 : Rabs c < r -> has_zeros 3 f).
  { intros H. apply Rabs_def2 in H. destruct three_zeros as (x & y & z & ? & ? & ? & ?); try lra.
    apply (count_three f x y z); auto; lra. }
  assert (H2 : Rabs c = r -> has_zeros 2 f).
  { intros H. unfold Rabs in H. destruct (Rcase_abs c).
    - destruct two_zeros_right as (x & ? & ?); [lra |]. apply (count_two f x q); auto; lra.
    - destruct two_zeros_left as (x & ? & ?); [lra |]. apply (count_two f p x); auto; lra. }
  assert (H1 : r < Rabs c -> has_zeros 1 f).
  { intros H. unfold Rabs in H. destruct (Rcase_abs c).
    - destruct one_zero_left as (x & ? & ?); [lra |]. now apply (count_one f x).
    - destruct one_zero_right as (x & ? & ?); [lra |]. now apply (count_one f x). }
  repeat split; auto; intros H;
  destruct (Rtotal_order (Rabs c) r) as [L | [L | L]]; auto; exfalso;
  first [apply H3 in L | apply H2 in L | apply H1 in L];
  now generalize (count_unique _ _ _ H L).
Qed.
End Turning.
End Field.
