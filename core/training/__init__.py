"""The closed loop of *Align, Generate, Learn* (arXiv 2412.08955): choose and write demonstrations, answer, learn from it.

Lower may import higher: config, losses, rewards, weights, batches, asking, self_encoder, learner, batching, development, living_pool,
writing, measures, run_log, alarms, checkpoints, trackers, trainer, fit. ``core.models.trained_run`` reads what a run leaves behind.
"""
