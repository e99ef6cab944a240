(* The objects of the theory, over the real numbers. Nothing is proved here.
   Statements.v says what is claimed about them. *)
From Coq Require Import Reals List.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(** * Two experts *)

(* Reduced field: du/dt = F u, feedback k, decay lam, asymmetry eta. *)
Definition F (k lam eta u : R) : R := k * tanh u - lam * u + eta.

(* Potential of F. *)
Definition V (k lam eta u : R) : R := lam * u ^ 2 / 2 - k * ln (cosh u) - eta * u.

(* Inverse of cosh on [1, oo). *)
Definition arcosh (x : R) : R := ln (x + sqrt (x ^ 2 - 1)).

(* Where the folds lie (at +- fold_point) and the asymmetry at which they occur. *)
Definition fold_point (k lam : R) : R := arcosh (sqrt (k / lam)).
Definition eta_fold (k lam : R) : R := sqrt (k * (k - lam)) - lam * arcosh (sqrt (k / lam)).

(* The third-order truncation of F, with mu = k - lam. *)
Definition cubic (k mu eta u : R) : R := eta + mu * u - k / 3 * u ^ 3.

(* f has exactly n zeros: a duplicate-free list of length n holds them all and nothing else. *)
Definition has_zeros (n : nat) (f : R -> R) : Prop :=
  exists l : list R, NoDup l /\ length l = n /\ forall x, In x l <-> f x = 0.

(** * K experts *)

(* Sum of f 0, ..., f (n - 1). *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S m => sum m f + f m end.

Definition softmax (K : nat) (v : nat -> R) (i : nat) : R := exp (v i) / sum K (fun j => exp (v j)).

(* Score equations: ds_i/dt = kappa p_i - mu s_i + h_i with p = softmax (beta s). *)
Definition score_field (K : nat) (kappa mu beta : R) (h s : nat -> R) (i : nat) : R :=
  kappa * softmax K (fun j => beta * s j) i - mu * s i + h i.

(* The same in v = beta s, time mu t, gain g = kappa beta / (K mu), drive eta = beta h / mu. *)
Definition expert_field (K : nat) (g : R) (eta v : nat -> R) (i : nat) : R :=
  INR K * g * softmax K v i - v i + eta i.

(* No asymmetry between the experts. *)
Definition no_drive : nat -> R := fun _ => 0.

Definition equilibrium (K : nat) (g : R) (eta v : nat -> R) : Prop :=
  forall i, (i < K)%nat -> expert_field K g eta v i = 0.

(* Potential of the field. *)
Definition Phi (K : nat) (g : R) (eta v : nat -> R) : R :=
  sum K (fun i => v i ^ 2 / 2) - INR K * g * ln (sum K (fun j => exp (v j)))
  - sum K (fun i => eta i * v i).

(* The Hessian of Phi at v as a quadratic form in w: the second derivative along the line v + t w. *)
Definition along (v w : nat -> R) (t : R) : nat -> R := fun i => v i + t * w i.
Definition hessian (K : nat) (g : R) (eta v w : nat -> R) : R :=
  Derive_n (fun t => Phi K g eta (along v w t)) 2 0.

(* Linear stability: Hessian positive definite; its failure to be semidefinite is instability. *)
Definition stable (K : nat) (g : R) (eta v : nat -> R) : Prop :=
  forall w, (exists i, (i < K)%nat /\ w i <> 0) -> 0 < hessian K g eta v w.
Definition not_unstable (K : nat) (g : R) (eta v : nat -> R) : Prop :=
  forall w, 0 <= hessian K g eta v w.

(* Not all values equal. *)
Definition imbalanced (K : nat) (v : nat -> R) : Prop :=
  exists i j, (i < K)%nat /\ (j < K)%nat /\ v i <> v j.

(* 1 at index j, 0 elsewhere; value hi at index j, lo elsewhere. *)
Definition unit_at (j i : nat) : R := if Nat.eqb i j then 1 else 0.
Definition one_favoured (j : nat) (hi lo : R) (i : nat) : R := if Nat.eqb i j then hi else lo.

(* Gain at which the one-favoured and the balanced state are equally deep. *)
Definition gain_equal_depth (K : nat) : R :=
  2 * (INR K - 1) * ln (INR K - 1) / (INR K * (INR K - 2)).

(* One favoured expert, x above the others: zero at an equilibrium. eta drives that expert. *)
Definition one_favoured_gap (K : nat) (g eta x : R) : R :=
  INR K * g * (exp x - 1) / (exp x + INR K - 1) - x + eta.

(* Fold of that family: the gain at gap x, and the equation of x without drive. *)
Definition gain_fold (K : nat) (x : R) : R := (exp x + INR K - 1) ^ 2 / (INR K ^ 2 * exp x).
Definition fold_gap (K : nat) (x : R) : Prop :=
  x = (exp x + INR K - 2 - (INR K - 1) / exp x) / INR K.

(** * Real routers: susceptibility to an added score *)

(* p n i: probability of expert i for token n. *)
Definition probabilities (N K : nat) (p : nat -> nat -> R) : Prop :=
  forall n, (n < N)%nat -> (forall i, (i < K)%nat -> 0 <= p n i) /\ sum K (p n) = 1.

(* Average over N tokens of diag p - p p^T. *)
Definition chi (N : nat) (p : nat -> nat -> R) (i j : nat) : R :=
  / INR N * sum N (fun n => p n i * unit_at j i - p n i * p n j).

Definition form (K : nat) (c : nat -> nat -> R) (w : nat -> R) : R :=
  sum K (fun i => sum K (fun j => w i * c i j * w j)).

(* Routing of token n with logits a n and added scores s, and the load it produces. *)
Definition routing (K : nat) (beta : R) (a : nat -> nat -> R) (s : nat -> R) (n : nat) : nat -> R :=
  softmax K (fun j => beta * (a n j + s j)).
Definition load (N K : nat) (beta : R) (a : nat -> nat -> R) (s : nat -> R) (i : nat) : R :=
  / INR N * sum N (fun n => routing K beta a s n i).

(** * Finite increments, general responses, margins *)

(* One mean step of the discrete rule, delta the decay per step. *)
Definition step (delta g eta u : R) : R := (1 - delta) * u + delta * (eta + g * tanh u).

(* Stationary density of the diffusion limit, up to a constant. *)
Definition density_exponent (g eta u : R) : R :=
  g * sinh u ^ 2 / 2 - (u ^ 2 / 4 + u * sinh (2 * u) / 4 - cosh (2 * u) / 8)
  + eta * (u / 2 + sinh (2 * u) / 4).
Definition density (delta g eta u : R) : R :=
  cosh u ^ 2 * exp (2 / (delta * g ^ 2) * density_exponent g eta u).

(* Field of a general load response G. *)
Definition response_field (G : R -> R) (kappa mu h z : R) : R := kappa * G z - mu * z + h.

(* Normal density with mean b and standard deviation s. *)
Definition gauss (b s x : R) : R := exp (- ((x - b) / s) ^ 2 / 2) / (s * sqrt (2 * PI)).

(* Response of hard routing with a centred normal margin of standard deviation s:
   probability of margin + z > 0 less that of margin + z < 0. *)
Definition hard_response (s z : R) : R := RInt (gauss 0 s) (- z) z.

(* Hamiltonian of the discrete rule with one token a step: logarithm of the mean of exp (p x),
   x = eta - u + g sigma the increment over delta, sigma = +-1 with mean tanh u. *)
Definition hamiltonian (g eta u p : R) : R := ln (cosh (p * g + u) / cosh u) - p * (u - eta).

(** * Free routing probabilities: which experts die *)

(* Mean probability of expert e over C classes of equal share; p c e: of expert e for class c. *)
Definition class_mean (C : nat) (p : nat -> nat -> R) (e : nat) : R := / INR C * sum C (fun c => p c e).

(* Entropy weight H, oracle weight O on one target t c a class, balance weight B, counts f held fixed. *)
Definition free_loss (C K : nat) (t : nat -> nat) (f : nat -> R) (H O B : R) (p : nat -> nat -> R) : R :=
  / INR C * sum C (fun c => - O * ln (p c (t c)) + H * sum K (fun e => p c e * ln (p c e)))
  + B * (sum K (fun e => class_mean C p e * ln (INR K * class_mean C p e))
         + INR K * sum K (fun e => (f e - / INR K) * class_mean C p e)).

(* C times its derivative in p c e. *)
Definition free_slope (C K : nat) (t : nat -> nat) (f : nat -> R) (H O B : R) (p : nat -> nat -> R) (c e : nat) : R :=
  - O / p c e * unit_at (t c) e + H * (ln (p c e) + 1)
  + B * (ln (INR K * class_mean C p e) + 1 + INR K * (f e - / INR K)).

(* Positive probabilities, one row a class. *)
Definition free (C K : nat) (p : nat -> nat -> R) : Prop := forall c, (c < C)%nat ->
  (forall e, (e < K)%nat -> 0 < p c e) /\ sum K (p c) = 1.

(* Class c has expert c as its target; a for it, b for the targets of others, r for an expert without a class.
   Counts: f1 of a target, f0 of another. *)
Definition three_values (C : nat) (a b r : R) (c e : nat) : R :=
  if Nat.ltb e C then one_favoured c a b e else r.
Definition two_counts (C : nat) (f1 f0 : R) (e : nat) : R := if Nat.ltb e C then f1 else f0.
