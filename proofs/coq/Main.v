(* Each statement of Statements.v, proved under its own name, and what each proof assumes. *)
From MoeCusp Require Statements.
From MoeCusp Require Dynamics Equilibria Folds Cusps Bridge Experts Transitions.
From MoeCusp Require Anchors Susceptibility Responses Boundary Increments Barriers Free Refutations.

Theorem rule_drift : Statements.rule_drift.
Proof. exact Bridge.rule_drift. Qed.

Theorem bridge_field : Statements.bridge_field.
Proof. exact Bridge.bridge_field. Qed.

Theorem bridge_equilibria : Statements.bridge_equilibria.
Proof. exact Bridge.bridge_equilibria. Qed.

Theorem bridge_scaling : Statements.bridge_scaling.
Proof. exact Bridge.bridge_scaling. Qed.

Theorem bridge_experts : Statements.bridge_experts.
Proof. exact Bridge.bridge_experts. Qed.

Theorem field_derivatives : Statements.field_derivatives.
Proof. exact Dynamics.field_derivatives. Qed.

Theorem zeros_below : Statements.zeros_below.
Proof. exact Dynamics.zeros_below. Qed.

Theorem zeros_three : Statements.zeros_three.
Proof. exact Equilibria.zeros_three. Qed.

Theorem zeros_two : Statements.zeros_two.
Proof. exact Equilibria.zeros_two. Qed.

Theorem zeros_one : Statements.zeros_one.
Proof. exact Equilibria.zeros_one. Qed.

Theorem stability_three : Statements.stability_three.
Proof. exact Equilibria.three_stability. Qed.

Theorem stability_two : Statements.stability_two.
Proof. exact Equilibria.two_stability. Qed.

Theorem stability_inward : Statements.stability_inward.
Proof. exact Dynamics.inward. Qed.

Theorem stability_global : Statements.stability_global.
Proof. exact Dynamics.global_stability. Qed.

Theorem stability_rate : Statements.stability_rate.
Proof. exact Dynamics.convergence_rate. Qed.

Theorem potential_gradient : Statements.potential_gradient.
Proof. exact Dynamics.V_derive. Qed.

Theorem potential_flow : Statements.potential_flow.
Proof. exact Dynamics.V_flow. Qed.

Theorem potential_maxwell : Statements.potential_maxwell.
Proof. exact Equilibria.maxwell. Qed.

Theorem pitchfork_criticality : Statements.pitchfork_criticality.
Proof. exact Equilibria.pitchfork_criticality. Qed.

Theorem pitchfork_zeros : Statements.pitchfork_zeros.
Proof. exact Equilibria.pitchfork_zeros. Qed.

Theorem pitchfork_below : Statements.pitchfork_below.
Proof. exact Equilibria.pitchfork_below. Qed.

Theorem fold_curve : Statements.fold_curve.
Proof. exact Folds.fold_curve. Qed.

Theorem fold_dimensional : Statements.fold_dimensional.
Proof. exact Folds.fold_dimensional. Qed.

Theorem fold_locus : Statements.fold_locus.
Proof. exact Folds.fold_locus. Qed.

Theorem fold_position : Statements.fold_position.
Proof. exact Folds.fold_position. Qed.

Theorem fold_positive : Statements.fold_positive.
Proof. exact Equilibria.eta_fold_pos. Qed.

Theorem fold_closed_form : Statements.fold_closed_form.
Proof. exact Folds.fold_closed_form. Qed.

Theorem fold_nondegenerate : Statements.fold_nondegenerate.
Proof. exact Folds.fold_nondegenerate. Qed.

Theorem fold_slope : Statements.fold_slope.
Proof. exact Folds.fold_slope. Qed.

Theorem fold_bounds : Statements.fold_bounds.
Proof. exact Folds.fold_bounds. Qed.

Theorem cusp_unique : Statements.cusp_unique.
Proof. exact Cusps.cusp_unique. Qed.

Theorem cusp_nondegenerate : Statements.cusp_nondegenerate.
Proof. exact Cusps.cusp_nondegenerate. Qed.

Theorem cubic_three : Statements.cubic_three.
Proof. exact Cusps.cubic_three. Qed.

Theorem cubic_two : Statements.cubic_two.
Proof. exact Cusps.cubic_two. Qed.

Theorem cubic_one : Statements.cubic_one.
Proof. exact Cusps.cubic_one. Qed.

Theorem cubic_remainder : Statements.cubic_remainder.
Proof. exact Cusps.cubic_remainder. Qed.

Theorem cubic_sharp : Statements.cubic_sharp.
Proof. exact Cusps.cubic_sharp. Qed.

Theorem cusp_inner : Statements.cusp_inner.
Proof. exact Cusps.cusp_inner. Qed.

Theorem cusp_outer : Statements.cusp_outer.
Proof. exact Cusps.cusp_outer. Qed.

Theorem expert_gradient : Statements.expert_gradient.
Proof. exact Experts.Phi_gradient. Qed.

Theorem expert_flow : Statements.expert_flow.
Proof. exact Experts.Phi_flow. Qed.

Theorem expert_hessian : Statements.expert_hessian.
Proof. exact Experts.hessian_jacobian. Qed.

Theorem expert_hessian_formula : Statements.expert_hessian_formula.
Proof. exact Experts.hessian_formula. Qed.

Theorem expert_lambert : Statements.expert_lambert.
Proof. exact Experts.equilibrium_xe. Qed.

Theorem expert_at_most_two_values : Statements.expert_at_most_two_values.
Proof. exact Experts.at_most_two_values. Qed.

Theorem expert_at_most_two_scores : Statements.expert_at_most_two_scores.
Proof. exact Experts.at_most_two_scores. Qed.

Theorem expert_two_favoured_unstable : Statements.expert_two_favoured_unstable.
Proof. exact Experts.two_favoured_unstable. Qed.

Theorem expert_exactly_one_favoured : Statements.expert_exactly_one_favoured.
Proof. exact Experts.exactly_one_favoured. Qed.

Theorem expert_balanced : Statements.expert_balanced.
Proof. exact Experts.balanced_equilibrium. Qed.

Theorem expert_balanced_stable : Statements.expert_balanced_stable.
Proof. exact Experts.balanced_stable. Qed.

Theorem expert_one_favoured_relation : Statements.expert_one_favoured_relation.
Proof. exact Experts.one_favoured_relation. Qed.

Theorem expert_one_favoured_stable : Statements.expert_one_favoured_stable.
Proof. exact Experts.one_favoured_stable. Qed.

Theorem expert_fold : Statements.expert_fold.
Proof. exact Transitions.expert_fold. Qed.

Theorem expert_fold_exists : Statements.expert_fold_exists.
Proof. exact Transitions.expert_fold_exists. Qed.

Theorem expert_fold_threshold : Statements.expert_fold_threshold.
Proof. exact Transitions.expert_fold_threshold. Qed.

Theorem expert_fold_values : Statements.expert_fold_values.
Proof. exact Anchors.expert_fold_values. Qed.

Theorem expert_equal_depth : Statements.expert_equal_depth.
Proof. exact Transitions.equal_depth. Qed.

Theorem expert_first_order : Statements.expert_first_order.
Proof. exact Transitions.first_order. Qed.

Theorem expert_two_no_window : Statements.expert_two_no_window.
Proof. exact Transitions.two_experts_no_window. Qed.

Theorem expert_convex : Statements.expert_convex.
Proof. exact Susceptibility.expert_convex. Qed.

Theorem expert_unique : Statements.expert_unique.
Proof. exact Susceptibility.expert_unique. Qed.

Theorem expert_contraction : Statements.expert_contraction.
Proof. exact Susceptibility.expert_contraction. Qed.

Theorem susceptibility_derivative : Statements.susceptibility_derivative.
Proof. exact Susceptibility.susceptibility_derivative. Qed.

Theorem susceptibility_symmetric : Statements.susceptibility_symmetric.
Proof. exact Susceptibility.susceptibility_symmetric. Qed.

Theorem susceptibility_kernel : Statements.susceptibility_kernel.
Proof. exact Susceptibility.susceptibility_kernel. Qed.

Theorem susceptibility_kernel_only : Statements.susceptibility_kernel_only.
Proof. exact Susceptibility.susceptibility_kernel_only. Qed.

Theorem susceptibility_psd : Statements.susceptibility_psd.
Proof. exact Susceptibility.susceptibility_psd. Qed.

Theorem susceptibility_bound : Statements.susceptibility_bound.
Proof. exact Susceptibility.susceptibility_bound. Qed.

Theorem susceptibility_uniform : Statements.susceptibility_uniform.
Proof. exact Susceptibility.susceptibility_uniform. Qed.

Theorem susceptibility_no_collapse : Statements.susceptibility_no_collapse.
Proof. exact Susceptibility.no_collapse_below. Qed.

Theorem response_fold : Statements.response_fold.
Proof. exact Responses.response_fold. Qed.

Theorem response_pitchfork : Statements.response_pitchfork.
Proof. exact Responses.response_pitchfork. Qed.

Theorem response_hard_top1 : Statements.response_hard_top1.
Proof. exact Boundary.hard_critical_feedback. Qed.

Theorem boundary_slope : Statements.boundary_slope.
Proof. exact Boundary.boundary_slope. Qed.

Theorem boundary_remainder : Statements.boundary_remainder.
Proof. exact Boundary.boundary_remainder. Qed.

Theorem boundary_gaussian : Statements.boundary_gaussian.
Proof. exact Boundary.boundary_gaussian. Qed.

Theorem step_fixed : Statements.step_fixed.
Proof. exact Increments.step_fixed. Qed.

Theorem step_multiplier : Statements.step_multiplier.
Proof. exact Increments.step_multiplier. Qed.

Theorem flip_threshold : Statements.flip_threshold.
Proof. exact Increments.flip_threshold. Qed.

Theorem flip_period_two : Statements.flip_period_two.
Proof. exact Increments.period_two. Qed.

Theorem noise_variance : Statements.noise_variance.
Proof. exact Increments.noise_variance. Qed.

Theorem noise_density : Statements.noise_density.
Proof. exact Increments.density_no_flux. Qed.

Theorem barrier_hamiltonian : Statements.barrier_hamiltonian.
Proof. exact Barriers.hamiltonian_mean. Qed.

Theorem barrier_root : Statements.barrier_root.
Proof. exact Barriers.barrier_root. Qed.

Theorem barrier_equilibrium : Statements.barrier_equilibrium.
Proof. exact Barriers.barrier_equilibrium. Qed.

Theorem free_minimum : Statements.free_minimum.
Proof. exact Free.free_minimum. Qed.

Theorem free_unique : Statements.free_unique.
Proof. exact Free.free_unique. Qed.

Theorem free_three_values : Statements.free_three_values.
Proof. exact Free.free_three_values. Qed.

Theorem free_rule : Statements.free_rule.
Proof. exact Free.free_rule. Qed.

Theorem trap_above : Statements.trap_above.
Proof. exact Refutations.trap_above. Qed.

Theorem trap_global : Statements.trap_global.
Proof. exact Refutations.trap_global. Qed.

Theorem trap_cubic_double : Statements.trap_cubic_double.
Proof. exact Refutations.trap_cubic_double. Qed.

Theorem trap_cubic_exact : Statements.trap_cubic_exact.
Proof. exact Refutations.trap_cubic_exact. Qed.

Theorem trap_no_decay : Statements.trap_no_decay.
Proof. exact Refutations.trap_no_decay. Qed.

Theorem trap_two_experts : Statements.trap_two_experts.
Proof. exact Refutations.trap_two_experts. Qed.

Theorem trap_two_favoured : Statements.trap_two_favoured.
Proof. exact Refutations.trap_two_favoured. Qed.

(* All of them at once: what this depends on bounds what each of them depends on.
   check.py --each asks for each one alone, which takes about a second apiece. *)
Definition everything :=
  (rule_drift, bridge_field, bridge_equilibria, bridge_scaling, bridge_experts, field_derivatives,
   zeros_below, zeros_three, zeros_two, zeros_one, stability_three, stability_two,
   stability_inward, stability_global, stability_rate, potential_gradient, potential_flow,
   potential_maxwell, pitchfork_criticality, pitchfork_zeros, pitchfork_below, fold_curve,
   fold_dimensional, fold_locus, fold_position, fold_positive, fold_closed_form,
   fold_nondegenerate, fold_slope, fold_bounds, cusp_unique, cusp_nondegenerate, cubic_three,
   cubic_two, cubic_one, cubic_remainder, cubic_sharp, cusp_inner, cusp_outer, expert_gradient,
   expert_flow, expert_hessian, expert_hessian_formula, expert_lambert, expert_at_most_two_values,
   expert_at_most_two_scores, expert_two_favoured_unstable, expert_exactly_one_favoured,
   expert_balanced, expert_balanced_stable, expert_one_favoured_relation,
   expert_one_favoured_stable, expert_fold, expert_fold_exists, expert_fold_threshold,
   expert_fold_values, expert_equal_depth, expert_first_order, expert_two_no_window,
   expert_convex, expert_unique, expert_contraction, susceptibility_derivative,
   susceptibility_symmetric, susceptibility_kernel, susceptibility_kernel_only,
   susceptibility_psd, susceptibility_bound, susceptibility_uniform, susceptibility_no_collapse,
   response_fold, response_pitchfork, response_hard_top1, boundary_slope, boundary_remainder,
   boundary_gaussian, step_fixed, step_multiplier, flip_threshold, flip_period_two,
   noise_variance, noise_density, barrier_hamiltonian, barrier_root, barrier_equilibrium,
   free_minimum, free_unique, free_three_values, free_rule,
   trap_above, trap_global, trap_cubic_double, trap_cubic_exact, trap_no_decay, trap_two_experts,
   trap_two_favoured).

Print Assumptions everything.
