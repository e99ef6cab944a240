(* Every claim of the formal layer, one definition each, over the objects of Definitions.v.
   The name in square brackets is the statement's id; dots become underscores in the name.
   Main.v proves each of them under the same name. Nothing is proved here. *)
From Coq Require Import Reals.
From Coquelicot Require Import Coquelicot.
From MoeCusp Require Export Definitions.
Open Scope R_scope.

(** * From the router to the reduced fields *)

(** [rule.drift] The mean increment of the discrete rule, expert i drawn with probability p_i, is the score field. *)
Definition rule_drift : Prop := forall K kappa mu beta h s j, (j < K)%nat ->
  sum K (fun i => softmax K (fun l => beta * s l) i * (kappa * unit_at i j - mu * s j + h j)) =
  score_field K kappa mu beta h s j.

(** [bridge.field] Two experts: the score difference follows F, the score sum relaxes linearly. *)
Definition bridge_field : Prop := forall kappa mu beta h s,
  beta / 2 * (score_field 2 kappa mu beta h s 0 - score_field 2 kappa mu beta h s 1)
    = F (kappa * beta / 2) mu (beta * (h 0%nat - h 1%nat) / 2) (beta * (s 0%nat - s 1%nat) / 2) /\
  score_field 2 kappa mu beta h s 0 + score_field 2 kappa mu beta h s 1
    = (kappa + h 0%nat + h 1%nat) - mu * (s 0%nat + s 1%nat).

(** [bridge.equilibria] Equilibria of the score equations are zeros of F, and conversely. *)
Definition bridge_equilibria : Prop := forall kappa mu beta h s, 0 < mu -> 0 < beta ->
  (score_field 2 kappa mu beta h s 0 = 0 /\ score_field 2 kappa mu beta h s 1 = 0) <->
  (F (kappa * beta / 2) mu (beta * (h 0%nat - h 1%nat) / 2) (beta * (s 0%nat - s 1%nat) / 2) = 0 /\
   s 0%nat + s 1%nat = (kappa + h 0%nat + h 1%nat) / mu).

(** [bridge.scaling] Time in units of 1/lam leaves the gain k/lam and the asymmetry eta/lam. *)
Definition bridge_scaling : Prop := forall k lam eta u, 0 < lam ->
  F k lam eta u = lam * F (k / lam) 1 (eta / lam) u.

(** [bridge.experts] K experts: the reduced field is the score field in v = beta s, g = kappa beta / (K mu). *)
Definition bridge_experts : Prop := forall K kappa mu beta h s i, (0 < K)%nat -> 0 < mu ->
  beta / mu * score_field K kappa mu beta h s i =
  expert_field K (kappa * beta / (INR K * mu)) (fun j => beta * h j / mu) (fun j => beta * s j) i.

(** * Two experts: number and stability of equilibria *)

(** [field.derivatives] The first three derivatives of F. *)
Definition field_derivatives : Prop := forall k lam eta u,
  is_derive (F k lam eta) u (k * (1 - tanh u ^ 2) - lam) /\
  is_derive (Derive (F k lam eta)) u (- 2 * k * (tanh u - tanh u ^ 3)) /\
  is_derive (Derive_n (F k lam eta) 2) u (- 2 * k * (1 - 3 * tanh u ^ 2) * (1 - tanh u ^ 2)).

(** [zeros.below] At or below the critical feedback there is exactly one equilibrium. *)
Definition zeros_below : Prop := forall k lam eta, 0 < lam -> k <= lam -> has_zeros 1 (F k lam eta).

(** [zeros.three] Above it, three equilibria if and only if |eta| is below the fold value. *)
Definition zeros_three : Prop := forall k lam eta, 0 < lam -> lam < k ->
  (has_zeros 3 (F k lam eta) <-> Rabs eta < eta_fold k lam).

(** [zeros.two] Two exactly on the fold. *)
Definition zeros_two : Prop := forall k lam eta, 0 < lam -> lam < k ->
  (has_zeros 2 (F k lam eta) <-> Rabs eta = eta_fold k lam).

(** [zeros.one] One beyond it. *)
Definition zeros_one : Prop := forall k lam eta, 0 < lam -> lam < k ->
  (has_zeros 1 (F k lam eta) <-> eta_fold k lam < Rabs eta).

(** [stability.three] Of three equilibria the outer two are stable, the middle one unstable. *)
Definition stability_three : Prop := forall k lam eta, 0 < lam -> lam < k -> Rabs eta < eta_fold k lam ->
  exists a b c, a < b < c /\ (forall u, F k lam eta u = 0 <-> u = a \/ u = b \/ u = c) /\
    Derive (F k lam eta) a < 0 /\ 0 < Derive (F k lam eta) b /\ Derive (F k lam eta) c < 0.

(** [stability.two] On the fold one equilibrium is a nondegenerate double zero, the other is stable. *)
Definition stability_two : Prop := forall k lam eta, 0 < lam -> lam < k -> Rabs eta = eta_fold k lam ->
  exists d s, d <> s /\ (forall u, F k lam eta u = 0 <-> u = d \/ u = s) /\
    Derive (F k lam eta) d = 0 /\ Derive_n (F k lam eta) 2 d <> 0 /\ Derive (F k lam eta) s < 0.

(** [stability.inward] At or below the critical feedback the field points to the equilibrium from everywhere. *)
Definition stability_inward : Prop := forall k lam eta c u, 0 < lam -> k <= lam ->
  F k lam eta c = 0 -> u <> c -> (u - c) * F k lam eta u < 0.

(** [stability.global] There every solution of the equation converges to it. *)
Definition stability_global : Prop := forall k lam eta c (u : R -> R), 0 < lam -> k <= lam ->
  F k lam eta c = 0 -> (forall t, 0 <= t -> is_derive u t (F k lam eta (u t))) -> is_lim u p_infty c.

(** [stability.rate] Strictly below, at least at the exponential rate lam - k. *)
Definition stability_rate : Prop := forall k lam eta c (u : R -> R), 0 <= k < lam ->
  F k lam eta c = 0 -> (forall t, 0 <= t -> is_derive u t (F k lam eta (u t))) ->
  forall t, 0 <= t -> Rabs (u t - c) <= Rabs (u 0 - c) * exp (- (lam - k) * t).

(** [potential.gradient] F is minus the slope of V. *)
Definition potential_gradient : Prop := forall k lam eta u, is_derive (V k lam eta) u (- F k lam eta u).

(** [potential.flow] Along a solution V falls at the rate F^2: there are no cycles. *)
Definition potential_flow : Prop := forall k lam eta (u : R -> R) t, is_derive u t (F k lam eta (u t)) ->
  is_derive (fun s => V k lam eta (u s)) t (- F k lam eta (u t) ^ 2).

(** [potential.maxwell] The two outer wells are equally deep if and only if eta = 0. *)
Definition potential_maxwell : Prop := forall k lam eta a b c, 0 < lam -> lam < k -> a < b < c ->
  F k lam eta a = 0 -> F k lam eta b = 0 -> F k lam eta c = 0 ->
  (V k lam eta a = V k lam eta c <-> eta = 0).

(** * Two experts: pitchfork, fold, cusp *)

(** [pitchfork.criticality] The conditions of a supercritical pitchfork hold at the critical feedback. *)
Definition pitchfork_criticality : Prop := forall lam, 0 < lam ->
  F lam lam 0 0 = 0 /\ Derive (F lam lam 0) 0 = 0 /\ Derive_n (F lam lam 0) 2 0 = 0 /\
  Derive_n (F lam lam 0) 3 0 = - 2 * lam /\ - 2 * lam < 0 /\
  Derive (fun k => F k lam 0 0) lam = 0 /\ Derive (fun k => Derive (F k lam 0) 0) lam = 1.

(** [pitchfork.zeros] Above it, without asymmetry: 0 unstable, a stable pair +-us, nothing else. *)
Definition pitchfork_zeros : Prop := forall k lam, 0 < lam -> lam < k ->
  exists us, 0 < us /\ (forall u, F k lam 0 u = 0 <-> u = 0 \/ u = us \/ u = - us) /\
    0 < Derive (F k lam 0) 0 /\ Derive (F k lam 0) us < 0 /\ Derive (F k lam 0) (- us) < 0.

(** [pitchfork.below] At or below it: only 0, linearly stable strictly below. *)
Definition pitchfork_below : Prop := forall k lam, 0 < lam -> k <= lam ->
  (forall u, F k lam 0 u = 0 <-> u = 0) /\ (k < lam -> Derive (F k lam 0) 0 < 0).

(** [fold.curve] F and its derivative vanish together exactly on this curve. *)
Definition fold_curve : Prop := forall k lam eta u,
  (F k lam eta u = 0 /\ Derive (F k lam eta) u = 0) <->
  (k = lam * cosh u ^ 2 /\ eta = lam * (u - sinh u * cosh u)).

(** [fold.dimensional] The same in the router's units: feedback, decay, inverse temperature, asymmetry. *)
Definition fold_dimensional : Prop := forall kappa mu beta h u, 0 < beta ->
  (F (kappa * beta / 2) mu (beta * h / 2) u = 0 /\
   Derive (F (kappa * beta / 2) mu (beta * h / 2)) u = 0) <->
  (kappa = 2 * mu / beta * cosh u ^ 2 /\ h = mu / beta * (2 * u - sinh (2 * u))).

(** [fold.locus] Solved for the asymmetry. *)
Definition fold_locus : Prop := forall k lam eta, 0 < lam -> lam < k ->
  ((exists u, F k lam eta u = 0 /\ Derive (F k lam eta) u = 0) <-> Rabs eta = eta_fold k lam).

(** [fold.position] Where the double zero lies, and its load imbalance. *)
Definition fold_position : Prop := forall k lam eta u, 0 < lam -> lam < k ->
  F k lam eta u = 0 -> Derive (F k lam eta) u = 0 ->
  Rabs u = arcosh (sqrt (k / lam)) /\ Rabs (tanh u) = sqrt (1 - lam / k).

(** [fold.positive] The fold value is positive above the critical feedback. *)
Definition fold_positive : Prop := forall k lam, 0 < lam -> lam < k -> 0 < eta_fold k lam.

(** [fold.closed_form] The fold value in terms of the fold point v. *)
Definition fold_closed_form : Prop := forall k lam, 0 < lam -> lam < k ->
  let v := fold_point k lam in
  eta_fold k lam = lam / 2 * (sinh (2 * v) - 2 * v) /\ sinh v = sqrt (k / lam - 1).

(** [fold.nondegenerate] Away from the cusp the fold is nondegenerate and crossed transversally. *)
Definition fold_nondegenerate : Prop := forall k lam eta u, 0 < lam ->
  F k lam eta u = 0 -> Derive (F k lam eta) u = 0 -> u <> 0 ->
  Derive_n (F k lam eta) 2 u = - 2 * lam * tanh u /\ Derive_n (F k lam eta) 2 u <> 0 /\
  Derive (fun e => F k lam e u) eta = 1.

(** [fold.slope] The fold value moves with the feedback by the imbalance at the fold. *)
Definition fold_slope : Prop := forall k lam, 0 < lam -> lam < k ->
  is_derive (fun k => eta_fold k lam) k (sqrt (1 - lam / k)).

(** [fold.bounds] Two-sided bounds by the expansion at the cusp. *)
Definition fold_bounds : Prop := forall k lam, 0 < lam -> lam < k -> let r := sqrt (k / lam - 1) in
  lam * (2 / 3 * r ^ 3 - 1 / 5 * r ^ 5) <= eta_fold k lam <=
  lam * (2 / 3 * r ^ 3 - 1 / 5 * r ^ 5 + 3 / 28 * r ^ 7).

(** [cusp.unique] F, F' and F'' vanish together only at the cusp. *)
Definition cusp_unique : Prop := forall k lam eta u, 0 < lam ->
  (F k lam eta u = 0 /\ Derive (F k lam eta) u = 0 /\ Derive_n (F k lam eta) 2 u = 0) <->
  (k = lam /\ eta = 0 /\ u = 0).

(** [cusp.nondegenerate] There F''' is not 0 and (eta, k) unfold it: the determinant is 1. *)
Definition cusp_nondegenerate : Prop := forall lam, 0 < lam ->
  Derive_n (F lam lam 0) 3 0 < 0 /\
  Derive (fun e => F lam lam e 0) 0 * Derive (fun k => Derive (F k lam 0) 0) lam -
  Derive (fun k => F k lam 0 0) lam * Derive (fun e => Derive (F lam lam e) 0) 0 = 1.

(** [cubic.three] The cubic has three zeros if and only if its discriminant is positive. *)
Definition cubic_three : Prop := forall k mu eta, 0 < k ->
  (has_zeros 3 (cubic k mu eta) <-> 0 < 4 * mu ^ 3 - 9 * k * eta ^ 2).

(** [cubic.two] Two if and only if it is zero away from the cusp. *)
Definition cubic_two : Prop := forall k mu eta, 0 < k ->
  (has_zeros 2 (cubic k mu eta) <-> 4 * mu ^ 3 - 9 * k * eta ^ 2 = 0 /\ mu <> 0).

(** [cubic.one] One if and only if it is negative, or at the cusp. *)
Definition cubic_one : Prop := forall k mu eta, 0 < k ->
  (has_zeros 1 (cubic k mu eta) <-> 4 * mu ^ 3 - 9 * k * eta ^ 2 < 0 \/ (mu = 0 /\ eta = 0)).

(** [cubic.remainder] The cubic is within (2/15) k |u|^5 of F, everywhere. *)
Definition cubic_remainder : Prop := forall k lam eta u, 0 < k ->
  Rabs (F k lam eta u - cubic k (k - lam) eta u) <= 2 / 15 * k * Rabs u ^ 5.

(** [cubic.sharp] The constant 2/15 cannot be lowered. *)
Definition cubic_sharp : Prop := forall k lam eta c, 0 < k ->
  (forall u, Rabs (F k lam eta u - cubic k (k - lam) eta u) <= c * k * Rabs u ^ 5) -> 2 / 15 <= c.

(** [cusp.inner] The bistable set of the cubic lies strictly inside the exact one. *)
Definition cusp_inner : Prop := forall k lam eta, 0 < lam -> lam < k ->
  9 * k * eta ^ 2 <= 4 * (k - lam) ^ 3 -> Rabs eta < eta_fold k lam.

(** [cusp.outer] The semicubical parabola with lam in place of k lies strictly outside. *)
Definition cusp_outer : Prop := forall k lam eta, 0 < lam -> lam < k ->
  4 * (k - lam) ^ 3 <= 9 * lam * eta ^ 2 -> eta_fold k lam < Rabs eta.

(** * K experts *)

(** [expert.gradient] The field is minus the gradient of Phi. *)
Definition expert_gradient : Prop := forall K g eta v w, (0 < K)%nat ->
  is_derive (fun t => Phi K g eta (along v w t)) 0 (- sum K (fun i => w i * expert_field K g eta v i)).

(** [expert.flow] Along a solution Phi falls at the rate |field|^2. *)
Definition expert_flow : Prop := forall K g eta (v : R -> nat -> R) t, (0 < K)%nat ->
  (forall i, (i < K)%nat -> is_derive (fun s => v s i) t (expert_field K g eta (v t) i)) ->
  is_derive (fun s => Phi K g eta (v s)) t (- sum K (fun i => expert_field K g eta (v t) i ^ 2)).

(** [expert.hessian] The Hessian of Phi is minus the Jacobian of the field: [stable] is linear stability. *)
Definition expert_hessian : Prop := forall K g eta v w, (0 < K)%nat ->
  hessian K g eta v w =
  - sum K (fun i => w i * Derive (fun t => expert_field K g eta (along v w t) i) 0).

(** [expert.hessian_formula] That Hessian in closed form: |w|^2 less K g times the variance of w under softmax. *)
Definition expert_hessian_formula : Prop := forall K g eta v w, (0 < K)%nat ->
  hessian K g eta v w = sum K (fun i => w i ^ 2) - INR K * g *
    (sum K (fun i => softmax K v i * w i ^ 2) - sum K (fun i => softmax K v i * w i) ^ 2).

(** [expert.lambert] At an equilibrium without drive v e^-v is the same for every expert. *)
Definition expert_lambert : Prop := forall K g v i, (i < K)%nat -> equilibrium K g no_drive v ->
  v i * exp (- v i) = INR K * g / sum K (fun j => exp (v j)).

(** [expert.at_most_two_values] An equilibrium without drive takes at most two values, 1 between them. *)
Definition expert_at_most_two_values : Prop := forall K g v, equilibrium K g no_drive v ->
  exists lo hi, lo <= 1 <= hi /\ forall i, (i < K)%nat -> v i = lo \/ v i = hi.

(** [expert.at_most_two_scores] The same for the scores themselves; decay must not be 0. *)
Definition expert_at_most_two_scores : Prop := forall K kappa mu beta s, mu <> 0 ->
  (forall i, (i < K)%nat -> score_field K kappa mu beta no_drive s i = 0) ->
  exists a b, forall i, (i < K)%nat -> s i = a \/ s i = b.

(** [expert.two_favoured_unstable] Two experts favoured alike: shifting load between them is unstable. *)
Definition expert_two_favoured_unstable : Prop := forall K g v i j, equilibrium K g no_drive v ->
  (i < K)%nat -> (j < K)%nat -> i <> j -> v i = v j -> 1 < v i ->
  hessian K g no_drive v (fun l => unit_at i l - unit_at j l) < 0.

(** [expert.exactly_one_favoured] An imbalanced equilibrium that is not unstable favours exactly one expert. *)
Definition expert_exactly_one_favoured : Prop := forall K g v, equilibrium K g no_drive v ->
  imbalanced K v -> not_unstable K g no_drive v ->
  exists j lo hi, (j < K)%nat /\ lo < 1 < hi /\ forall i, (i < K)%nat -> v i = one_favoured j hi lo i.

(** [expert.balanced] The balanced state v_i = g is an equilibrium for every gain. *)
Definition expert_balanced : Prop := forall K g, equilibrium K g no_drive (fun _ => g).

(** [expert.balanced_stable] It is stable if and only if g < 1. *)
Definition expert_balanced_stable : Prop := forall K g, (2 <= K)%nat ->
  (stable K g no_drive (fun _ => g) <-> g < 1).

(** [expert.one_favoured_relation] The equilibria with one favoured expert, x above the others, drive eta on it. *)
Definition expert_one_favoured_relation : Prop := forall K j g lo x eta, (2 <= K)%nat -> (j < K)%nat ->
  equilibrium K g (fun i => eta * unit_at j i) (one_favoured j (lo + x) lo) <->
  (lo = INR K * g / (exp x + INR K - 1) /\
   x = INR K * g * (exp x - 1) / (exp x + INR K - 1) + eta).

(** [expert.one_favoured_stable] Such an equilibrium, its low value below 1, is stable if and only if
    K^2 g Y < (Y + K - 1)^2, Y = e^x. *)
Definition expert_one_favoured_stable : Prop := forall K j g lo x eta, (2 <= K)%nat -> (j < K)%nat ->
  equilibrium K g (fun i => eta * unit_at j i) (one_favoured j (lo + x) lo) -> lo < 1 ->
  (stable K g (fun i => eta * unit_at j i) (one_favoured j (lo + x) lo) <->
   INR K ^ 2 * g * exp x < (exp x + INR K - 1) ^ 2).

(** [expert.fold] Fold curve of the one-favoured family with drive. *)
Definition expert_fold : Prop := forall K g eta x, (2 <= K)%nat ->
  (one_favoured_gap K g eta x = 0 /\ Derive (one_favoured_gap K g eta) x = 0) <->
  (g = gain_fold K x /\ eta = x - (exp x - 1) * (exp x + INR K - 1) / (INR K * exp x)).

(** [expert.fold_exists] For K >= 3 the fold without drive exists, is unique and lies below the critical gain. *)
Definition expert_fold_exists : Prop := forall K, (3 <= K)%nat ->
  exists x, 0 < x /\ fold_gap K x /\ (forall y, 0 < y -> fold_gap K y -> y = x) /\
    0 < gain_fold K x < 1.

(** [expert.fold_threshold] Imbalanced equilibria, of any shape, exist if and only if g reaches that fold. *)
Definition expert_fold_threshold : Prop := forall K g x, (2 <= K)%nat -> 0 < x -> fold_gap K x ->
  ((exists v, equilibrium K g no_drive v /\ imbalanced K v) <-> gain_fold K x <= g).

(** [expert.fold_values] Its gain for 3, 8 and 64 experts, to 1e-15. *)
Definition expert_fold_values : Prop := forall x, 0 < x ->
  (fold_gap 3 x -> Rabs (gain_fold 3 x - 915214525577575 / 10 ^ 15) <= / 10 ^ 15) /\
  (fold_gap 8 x -> Rabs (gain_fold 8 x - 531224876080987 / 10 ^ 15) <= / 10 ^ 15) /\
  (fold_gap 64 x -> Rabs (gain_fold 64 x - 108196635043747 / 10 ^ 15) <= / 10 ^ 15).

(** [expert.equal_depth] For K >= 3 a stable collapsed state is as deep as the balanced one at a gain below 1. *)
Definition expert_equal_depth : Prop := forall K, (3 <= K)%nat ->
  let g := gain_equal_depth K in
  exists v, 0 < g < 1 /\ equilibrium K g no_drive v /\ stable K g no_drive v /\
    v 0%nat - v 1%nat = 2 * ln (INR K - 1) /\
    softmax K v 0 = (INR K - 1) / INR K /\
    Phi K g no_drive v = Phi K g no_drive (fun _ => g).

(** [expert.first_order] For K >= 3, at some g < 1, a stable collapsed and the stable balanced state coexist. *)
Definition expert_first_order : Prop := forall K, (3 <= K)%nat ->
  exists g v, 0 < g < 1 /\ equilibrium K g no_drive v /\ imbalanced K v /\
    stable K g no_drive v /\ stable K g no_drive (fun _ => g).

(** [expert.two_no_window] Two experts have no such window: for g <= 1 every equilibrium is balanced. *)
Definition expert_two_no_window : Prop := forall g v, g <= 1 -> equilibrium 2 g no_drive v ->
  v 0%nat = v 1%nat.

(** [expert.convex] For K g < 2 every state is stable, whatever the drive: Phi is strictly convex. *)
Definition expert_convex : Prop := forall K g eta v, 0 <= g -> INR K * g < 2 -> stable K g eta v.

(** [expert.unique] There the equilibrium is unique, whatever the drive. *)
Definition expert_unique : Prop := forall K g eta v v', 0 <= g -> INR K * g < 2 ->
  equilibrium K g eta v -> equilibrium K g eta v' -> forall i, (i < K)%nat -> v i = v' i.

(** [expert.contraction] There any two solutions, with any drive, approach each other at the rate 1 - K g / 2. *)
Definition expert_contraction : Prop := forall K g eta (v v' : R -> nat -> R), (0 < K)%nat -> 0 <= g ->
  (forall t i, 0 <= t -> (i < K)%nat -> is_derive (fun s => v s i) t (expert_field K g eta (v t) i)) ->
  (forall t i, 0 <= t -> (i < K)%nat -> is_derive (fun s => v' s i) t (expert_field K g eta (v' t) i)) ->
  forall t, 0 <= t ->
  sum K (fun i => (v' t i - v t i) ^ 2) <=
  sum K (fun i => (v' 0 i - v 0 i) ^ 2) * exp (- (2 - INR K * g) * t).

(** * Real routers *)

(** [susceptibility.derivative] The load moves with an added score by beta times chi. *)
Definition susceptibility_derivative : Prop := forall N K beta a s i j, (i < K)%nat -> (j < K)%nat ->
  is_derive (fun t => load N K beta a (along s (unit_at j) t) i) 0
    (beta * chi N (routing K beta a s) i j).

(** [susceptibility.symmetric] chi is symmetric. *)
Definition susceptibility_symmetric : Prop := forall N p i j, chi N p i j = chi N p j i.

(** [susceptibility.kernel] Its rows sum to 0: a common score changes nothing. *)
Definition susceptibility_kernel : Prop := forall N K p i, probabilities N K p -> (i < K)%nat ->
  sum K (chi N p i) = 0.

(** [susceptibility.kernel_only] With positive probabilities nothing else is in the kernel. *)
Definition susceptibility_kernel_only : Prop := forall N K p w, (0 < N)%nat -> probabilities N K p ->
  (forall n i, (n < N)%nat -> (i < K)%nat -> 0 < p n i) -> form K (chi N p) w = 0 ->
  exists c, forall i, (i < K)%nat -> w i = c.

(** [susceptibility.psd] chi is positive semidefinite. *)
Definition susceptibility_psd : Prop := forall N K p w, probabilities N K p -> 0 <= form K (chi N p) w.

(** [susceptibility.bound] Its eigenvalues are at most 1/2. *)
Definition susceptibility_bound : Prop := forall N K p w, (0 < N)%nat -> (0 < K)%nat ->
  probabilities N K p -> form K (chi N p) w <= / 2 * sum K (fun i => w i ^ 2).

(** [susceptibility.uniform] For uniform routing it is 1/K on vectors of sum 0. *)
Definition susceptibility_uniform : Prop := forall N K w i, (0 < N)%nat -> (i < K)%nat -> sum K w = 0 ->
  sum K (fun j => chi N (fun _ _ => / INR K) i j * w j) = w i / INR K.

(** [susceptibility.no_collapse] Whatever tokens and scores, kappa beta < 2 mu leaves every state linearly stable. *)
Definition susceptibility_no_collapse : Prop := forall N K kappa mu beta a s w,
  (0 < N)%nat -> 0 < kappa -> 0 < beta -> kappa * beta < 2 * mu ->
  (exists i, (i < K)%nat /\ w i <> 0) ->
  kappa * beta * form K (chi N (routing K beta a s)) w - mu * sum K (fun i => w i ^ 2) < 0.

(** * General responses and margins *)

(** [response.fold] Fold curve of any load response G. *)
Definition response_fold : Prop := forall G kappa mu h z, ex_derive G z -> Derive G z <> 0 ->
  (response_field G kappa mu h z = 0 /\ Derive (response_field G kappa mu h) z = 0) <->
  (kappa = mu / Derive G z /\ h = mu * (z - G z / Derive G z)).

(** [response.pitchfork] Any odd bounded response of strictly falling slope: pitchfork at kappa G'(0) = mu. *)
Definition response_pitchfork : Prop := forall G kappa mu bound, 0 < kappa -> 0 < mu ->
  (forall z, G (- z) = - G z) -> (forall z, G z <= bound) -> (forall z, ex_derive G z) ->
  (forall a b, 0 <= a -> a < b -> Derive G b < Derive G a) ->
  (kappa * Derive G 0 <= mu -> forall z, response_field G kappa mu 0 z = 0 <-> z = 0) /\
  (mu < kappa * Derive G 0 -> exists zs, 0 < zs /\
    forall z, response_field G kappa mu 0 z = 0 <-> z = 0 \/ z = zs \/ z = - zs).

(** [response.hard_top1] Hard routing with a centred normal margin: critical feedback mu s sqrt(pi/2). *)
Definition response_hard_top1 : Prop := forall mu s, 0 < s ->
  mu / Derive (hard_response s) 0 = mu * s * sqrt (PI / 2).

(** [boundary.slope] For a continuous margin density f the mass within w grows from 0 with slope 2 f(0). *)
Definition boundary_slope : Prop := forall f : R -> R, (forall x, continuous f x) ->
  is_derive (fun w => RInt f (- w) w) 0 (2 * f 0).

(** [boundary.remainder] Mass within w of the boundary is 2 w f(0) up to (w^3/3) max |f''|. *)
Definition boundary_remainder : Prop := forall (f : R -> R) M w, 0 <= w ->
  (forall x, ex_derive f x) -> (forall x, ex_derive (Derive f) x) ->
  (forall x, Rabs x <= w -> Rabs (Derive_n f 2 x) <= M) ->
  Rabs (RInt f (- w) w - 2 * w * f 0) <= w ^ 3 / 3 * M.

(** [boundary.gaussian] For a normal margin the remainder is at most w^3 / (3 s^3 sqrt(2 pi)). *)
Definition boundary_gaussian : Prop := forall b s w, 0 < s -> 0 <= w ->
  Rabs (RInt (gauss b s) (- w) w - 2 * w * gauss b s 0) <= w ^ 3 / (3 * s ^ 3 * sqrt (2 * PI)).

(** * Finite increments *)

(** [step.fixed] The mean step rests exactly at the equilibria of the reduced field. *)
Definition step_fixed : Prop := forall delta g eta u, delta <> 0 ->
  (step delta g eta u = u <-> F g 1 eta u = 0).

(** [step.multiplier] Its multiplier is 1 + delta F'. *)
Definition step_multiplier : Prop := forall delta g eta u,
  Derive (step delta g eta) u = 1 + delta * Derive (F g 1 eta) u.

(** [flip.threshold] Balance is stable under the step iff g < 1 and delta (1 - g) < 2; it flips at 2. *)
Definition flip_threshold : Prop := forall delta g, 0 < delta ->
  (Rabs (Derive (step delta g 0) 0) < 1 <-> g < 1 /\ delta * (1 - g) < 2) /\
  (Derive (step delta g 0) 0 = - 1 <-> delta * (1 - g) = 2).

(** [flip.period_two] A symmetric orbit of period two exists exactly beyond the flip. *)
Definition flip_period_two : Prop := forall delta g, 0 < delta < 2 ->
  ((exists u, u <> 0 /\ step delta g 0 u = - u /\ step delta g 0 (- u) = u) <-> 2 < delta * (1 - g)).

(** [noise.variance] The variance of the linearised chain tends to q / (1 - a^2). *)
Definition noise_variance : Prop := forall a q (v : nat -> R), Rabs a < 1 ->
  (forall n, v (S n) = a ^ 2 * v n + q) -> is_lim_seq v (q / (1 - a ^ 2)).

(** [noise.density] The stationary density of the diffusion limit carries no probability flux. *)
Definition noise_density : Prop := forall delta g eta u, 0 < delta -> g <> 0 ->
  is_derive (fun u => delta * g ^ 2 / (2 * cosh u ^ 2) * density delta g eta u) u
    (F g 1 eta u * density delta g eta u).

(** [barrier.hamiltonian] The Hamiltonian is the logarithm of the mean exponential of one step of the rule. *)
Definition barrier_hamiltonian : Prop := forall g eta u p,
  exp (hamiltonian g eta u p) =
  (1 + tanh u) / 2 * exp (p * (eta - u + g)) + (1 - tanh u) / 2 * exp (p * (eta - u - g)).

(** [barrier.root] Off equilibrium it has exactly one non-zero root, the barrier's slope, against the field. *)
Definition barrier_root : Prop := forall g eta u, 0 < g -> Rabs (u - eta) < g -> F g 1 eta u <> 0 ->
  exists p, p * F g 1 eta u < 0 /\ forall q, hamiltonian g eta u q = 0 <-> q = 0 \/ q = p.

(** [barrier.equilibrium] At an equilibrium it has none: the barrier is flat there. *)
Definition barrier_equilibrium : Prop := forall g eta u, 0 < g -> F g 1 eta u = 0 ->
  forall q, hamiltonian g eta u q = 0 <-> q = 0.

(** * Free routing probabilities: which experts die *)

(** [free.minimum] Where all slopes of a class are equal the loss is least. *)
Definition free_minimum : Prop := forall C K t f H O B p q nu, (0 < C)%nat ->
  (forall c, (c < C)%nat -> (t c < K)%nat) -> 0 <= H -> 0 <= O -> 0 <= B -> free C K p -> free C K q ->
  (forall c e, (c < C)%nat -> (e < K)%nat -> free_slope C K t f H O B p c e = nu c) ->
  free_loss C K t f H O B p <= free_loss C K t f H O B q.

(** [free.unique] With entropy nowhere else. *)
Definition free_unique : Prop := forall C K t f H O B p q nu, (0 < C)%nat ->
  (forall c, (c < C)%nat -> (t c < K)%nat) -> 0 < H -> 0 <= O -> 0 <= B -> free C K p -> free C K q ->
  (forall c e, (c < C)%nat -> (e < K)%nat -> free_slope C K t f H O B p c e = nu c) ->
  free_loss C K t f H O B q <= free_loss C K t f H O B p ->
  forall c e, (c < C)%nat -> (e < K)%nat -> q c e = p c e.

(** [free.three_values] C targets and n other experts: three values that obey two conditions are the minimum. *)
Definition free_three_values : Prop := forall C n f1 f0 H O B a b r q, (0 < C)%nat -> (0 < n)%nat ->
  0 < a /\ 0 < b /\ 0 < r -> a + (INR C - 1) * b + INR n * r = 1 -> 0 <= H -> 0 <= O -> 0 <= B ->
  - O / a + H * (ln a - ln r)
    + B * (ln ((1 - INR n * r) / INR C) - ln r + INR (C + n) * (f1 - f0)) = 0 ->
  ((1 < C)%nat -> H * (ln b - ln r)
    + B * (ln ((1 - INR n * r) / INR C) - ln r + INR (C + n) * (f1 - f0)) = 0) ->
  free C (C + n) q ->
  free_loss C (C + n) (fun c => c) (two_counts C f1 f0) H O B (three_values C a b r)
    <= free_loss C (C + n) (fun c => c) (two_counts C f1 f0) H O B q.

(** [free.rule] The derived rule bounds the share of an expert without a class from above. *)
Definition free_rule : Prop := forall C n f1 f0 H O B a b r, (0 < C)%nat ->
  0 < a /\ 0 < b /\ 0 < r -> a + (INR C - 1) * b + INR n * r = 1 -> 0 <= H -> 0 <= O -> 0 <= B ->
  - O / a + H * (ln a - ln r)
    + B * (ln ((1 - INR n * r) / INR C) - ln r + INR (C + n) * (f1 - f0)) = 0 ->
  (H + B) * ln r <= - (O + B * (ln (INR C) - INR (C + n) * (f1 - f0))).

(** * Not true: each hypothesis below was left out, or an approximation taken for exact *)

(** [trap.above] One equilibrium at every feedback: false. *)
Definition trap_above : Prop := ~ (forall k lam eta, 0 < lam -> has_zeros 1 (F k lam eta)).

(** [trap.global] Every equilibrium attracts every solution at every feedback: false. *)
Definition trap_global : Prop := ~ (forall k lam eta c (u : R -> R), 0 < lam -> F k lam eta c = 0 ->
  (forall t, 0 <= t -> is_derive u t (F k lam eta (u t))) -> is_lim u p_infty c).

(** [trap.cubic_double] The cubic has two zeros wherever its discriminant is 0: false at the cusp. *)
Definition trap_cubic_double : Prop := ~ (forall k mu eta, 0 < k ->
  (has_zeros 2 (cubic k mu eta) <-> 4 * mu ^ 3 - 9 * k * eta ^ 2 = 0)).

(** [trap.cubic_exact] The cubic gives the bistable set of F exactly: false. *)
Definition trap_cubic_exact : Prop := ~ (forall k lam eta, 0 < lam -> lam < k ->
  (Rabs eta < eta_fold k lam <-> 9 * k * eta ^ 2 < 4 * (k - lam) ^ 3)).

(** [trap.no_decay] At most two score values without decay: false. *)
Definition trap_no_decay : Prop := ~ (forall K kappa mu beta s,
  (forall i, (i < K)%nat -> score_field K kappa mu beta no_drive s i = 0) ->
  exists a b, forall i, (i < K)%nat -> s i = a \/ s i = b).

(** [trap.two_experts] The first-order window opens for two experts too: false. *)
Definition trap_two_experts : Prop := ~ (forall K, (2 <= K)%nat -> exists g v, g < 1 /\
  equilibrium K g no_drive v /\ imbalanced K v).

(** [trap.two_favoured] Every imbalanced equilibrium favours one expert: false, unstable ones favour two. *)
Definition trap_two_favoured : Prop := ~ (forall K g v, equilibrium K g no_drive v -> imbalanced K v ->
  exists j lo hi, (j < K)%nat /\ lo < 1 < hi /\
    forall i, (i < K)%nat -> v i = one_favoured j hi lo i).
