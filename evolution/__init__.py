"""The generation loop: live, judge, select, mutate, fine-tune, checkpoint, resume."""
