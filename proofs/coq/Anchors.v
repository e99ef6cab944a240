(* Numerical anchors: the fold gain for 3, 8 and 64 experts, enclosed by interval arithmetic.
   The intervals' ends are pairs of Coq's own integers, so that no axiom about machine integers
   enters, as it would through the tactic of the same library. *)
From Coq Require Import Reals Lra Lia ZArith Bool.
From Coquelicot Require Import Coquelicot.
From Interval Require Specific_stdz Specific_ops Float_full Xreal Interval.
From MoeCusp Require Import Definitions Hyperbolic Counting Experts Transitions.
Open Scope R_scope.

Module E := Specific_ops.SpecificFloat Specific_stdz.StdZRadix2.
Module I := Float_full.FloatIntervalFull E.

Definition prec := E.PtoP 100.
Definition has (xi : I.type) (x : R) : Prop := Interval.contains (I.convert xi) (Xreal.Xreal x).
Definition int (z : Z) : I.type := I.fromZ prec z.
Definition below (xi : I.type) : bool :=
  match I.sign_strict xi with Xreal.Xlt => true | _ => false end.

Lemma has_int z : has (int z) (IZR z).
Proof. apply I.fromZ_correct. Qed.

Lemma has_add a b x y : has a x -> has b y -> has (I.add prec a b) (x + y).
Proof. exact (I.add_correct prec a b (Xreal.Xreal x) (Xreal.Xreal y)). Qed.

Lemma has_sub a b x y : has a x -> has b y -> has (I.sub prec a b) (x - y).
Proof. exact (I.sub_correct prec a b (Xreal.Xreal x) (Xreal.Xreal y)). Qed.

Lemma has_mul a b x y : has a x -> has b y -> has (I.mul prec a b) (x * y).
Proof. exact (I.mul_correct prec a b (Xreal.Xreal x) (Xreal.Xreal y)). Qed.

Lemma has_exp a x : has a x -> has (I.exp prec a) (exp x).
Proof. exact (I.exp_correct prec a (Xreal.Xreal x)). Qed.

Lemma has_div a b x y : y <> 0 -> has a x -> has b y -> has (I.div prec a b) (x / y).
Proof.
  intros N A B. generalize (I.div_correct prec a b _ _ A B). unfold has. simpl.
  unfold Xreal.Xdiv'. now rewrite Xreal.is_zero_false.
Qed.

Lemma has_between a b x y z : has a x -> has b y -> x <= z <= y -> has (I.join a b) z.
Proof.
  intros A B L.
  assert (J : forall t, has a t \/ has b t -> has (I.join a b) t) by (intros; apply I.join_correct; auto).
  exact (Interval.contains_connected _ x y (J x (or_introl A)) (J y (or_intror B)) z L).
Qed.

Lemma below_correct xi x : below xi = true -> has xi x -> x < 0.
Proof.
  unfold below. generalize (I.sign_strict_correct xi).
  destruct (I.sign_strict xi); try discriminate. intros H _ X. now destruct (H _ X).
Qed.

(* K Y times gap_excess, Y = exp x. *)
Definition gap_of (K : Z) (x : I.type) : I.type :=
  let Y := I.exp prec x in
  I.sub prec (I.sub prec (I.add prec (I.mul prec Y Y) (I.mul prec (int (K - 2)) Y)) (int (K - 1)))
    (I.mul prec (I.mul prec (int K) x) Y).

(* 10^15 K^2 Y times (gain_fold - c / 10^15). *)
Definition gain_of (K c : Z) (x : I.type) : I.type :=
  let Y := I.exp prec x in let t := I.add prec Y (int (K - 1)) in
  I.sub prec (I.mul prec (int (10 ^ 15)) (I.mul prec t t)) (I.mul prec (int (c * K ^ 2)) Y).

Definition point (p : Z) : I.type := I.div prec (int p) (int (10 ^ 17)).

Definition anchored (K c p : Z) : bool :=
  below (gap_of K (point p)) && below (I.neg (gap_of K (point (p + 1)))) &&
  below (gain_of K (c + 1) (I.join (point p) (point (p + 1)))) &&
  below (I.neg (gain_of K (c - 1) (I.join (point p) (point (p + 1))))).

Lemma has_gap K x xi : has xi x ->
  has (gap_of K xi) (exp x * exp x + IZR (K - 2) * exp x - IZR (K - 1) - IZR K * x * exp x).
Proof.
  intros X. assert (Y := has_exp _ _ X).
  repeat first [apply has_sub | apply has_add | apply has_mul | apply has_int | assumption].
Qed.

Lemma has_gain K c x xi : has xi x ->
  has (gain_of K c xi) (IZR (10 ^ 15) * ((exp x + IZR (K - 1)) * (exp x + IZR (K - 1))) - IZR (c * K ^ 2) * exp x).
Proof.
  intros X. assert (Y := has_exp _ _ X).
  repeat first [apply has_sub | apply has_add | apply has_mul | apply has_int | assumption].
Qed.

Lemma has_neg a x : has a x -> has (I.neg a) (- x).
Proof. exact (I.neg_correct a (Xreal.Xreal x)). Qed.

Lemma anchor K c p x : (3 <= K)%nat -> (0 < p)%Z -> anchored (Z.of_nat K) c p = true ->
  0 < x -> fold_gap K x -> Rabs (gain_fold K x - IZR c / 10 ^ 15) <= / 10 ^ 15.
Proof.
  intros H3 Hp H X G. assert (HK : (2 <= K)%nat) by lia.
  apply andb_prop in H. destruct H as [H H4]. apply andb_prop in H. destruct H as [H H5].
  apply andb_prop in H. destruct H as [H1 H2].
  set (d := 10 ^ 17). assert (Pd : 0 < d) by (unfold d; lra).
  assert (Ed : IZR (10 ^ 17) = d) by (unfold d; rewrite pow_IZR; f_equal; reflexivity).
  assert (pt : forall q, has (point q) (IZR q / d)).
  { intros q. rewrite <- Ed. apply has_div; [rewrite Ed; lra | apply has_int | apply has_int]. }
  assert (Ek : IZR (Z.of_nat K) = INR K) by (symmetry; apply INR_IZR_INZ).
  generalize (K_pos K HK). intros P.
  assert (num : forall y, exp y * exp y + IZR (Z.of_nat K - 2) * exp y - IZR (Z.of_nat K - 1)
      - IZR (Z.of_nat K) * y * exp y = gap_excess K y * (INR K * exp y)).
  { intros y. rewrite !minus_IZR, Ek. unfold gap_excess. field. generalize (exp_pos y). lra. }
  assert (scale : forall y, 0 < INR K * exp y) by (intros y; generalize (exp_pos y); nra).
  assert (L1 : gap_excess K (IZR p / d) < 0).
  {
    generalize (below_correct _ _ H1 (has_gap _ _ _ (pt p))). rewrite num.
    generalize (scale (IZR p / d)). nra. }
  assert (L2 : 0 < gap_excess K (IZR (p + 1) / d)).
  { generalize (below_correct _ _ H2 (has_neg _ _ (has_gap _ _ _ (pt (p + 1)%Z)))). rewrite num.
    generalize (scale (IZR (p + 1) / d)). nra. }
  assert (Q0 : 0 < IZR p) by now apply IZR_lt.
  assert (A : 0 < IZR p / d) by (apply Rdiv_lt_0_compat; lra).
  assert (B : IZR p / d < IZR (p + 1) / d).
  { rewrite plus_IZR. unfold Rdiv. apply Rmult_lt_compat_r; [now apply Rinv_0_lt_compat | lra]. }
  assert (Bx : IZR p / d <= x <= IZR (p + 1) / d).
  { destruct (zero_up _ _ (fun x => gap_excess_derive K x HK) _ _ B L1 L2) as (z & I' & Z').
    rewrite (fold_gap_unique K x z H3 X ltac:(lra) G); [lra | now apply fold_gap_excess]. }
  assert (Hx := has_between _ _ _ _ x (pt p) (pt (p + 1)%Z) Bx).
  assert (E15 : IZR (10 ^ 15) = 10 ^ 15) by (rewrite pow_IZR; f_equal; reflexivity).
  assert (gain : forall e, IZR (10 ^ 15) * ((exp x + IZR (Z.of_nat K - 1)) * (exp x + IZR (Z.of_nat K - 1)))
      - IZR (e * Z.of_nat K ^ 2) * exp x =
      (gain_fold K x - IZR e / 10 ^ 15) * (10 ^ 15 * INR K * (INR K * exp x))).
  { intros e. rewrite E15, minus_IZR, mult_IZR, <- (pow_IZR _ 2), Ek.
    unfold gain_fold. field. generalize (exp_pos x). lra. }
  assert (big : 0 < 10 ^ 15 * INR K * (INR K * exp x)) by (generalize (scale x); nra).
  generalize (below_correct _ _ H5 (has_gain _ _ _ _ Hx))
    (below_correct _ _ H4 (has_neg _ _ (has_gain _ _ _ _ Hx))).
  rewrite !gain, plus_IZR, minus_IZR. intros U L.
  assert (U' : gain_fold K x - (IZR c + 1) / 10 ^ 15 < 0) by nra.
  assert (L' : 0 < gain_fold K x - (IZR c - 1) / 10 ^ 15) by nra.
  apply Rabs_le_between. lra.
Qed.

Lemma expert_fold_values : forall x, 0 < x ->
  (fold_gap 3 x -> Rabs (gain_fold 3 x - 915214525577575 / 10 ^ 15) <= / 10 ^ 15) /\
  (fold_gap 8 x -> Rabs (gain_fold 8 x - 531224876080987 / 10 ^ 15) <= / 10 ^ 15) /\
  (fold_gap 64 x -> Rabs (gain_fold 64 x - 108196635043747 / 10 ^ 15) <= / 10 ^ 15).
Proof.
  intros x X. split; [| split]; intros G.
  - apply (anchor 3 915214525577575 103565847940189319 x); [lia | lia | vm_compute; reflexivity | exact X | exact G].
  - apply (anchor 8 531224876080987 284138566203577408 x); [lia | lia | vm_compute; reflexivity | exact X | exact G].
  - apply (anchor 64 108196635043747 571743145679733106 x); [lia | lia | vm_compute; reflexivity | exact X | exact G].
Qed.
