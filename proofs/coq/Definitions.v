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

(* The third-order truncation of F (k, k + ... ): mu is the unfolding k - lam. *)
Definition cubic (k mu eta u : R) : R := eta + mu * u - k / 3 * u ^ 3.

(* f has exactly n zeros: a duplicate-free list of length n holds them all and nothing else. *)
Definition has_zeros (n : nat) (f : R -> R) : Prop :=
  exists l : list R, NoDup l /\ length l = n /\ forall x, In x l <-> f x = 0.
