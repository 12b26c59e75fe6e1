/** Which metrics play which part, by their names. */

/** Names of the training loss, the most telling first. */
const TRAIN_LOSS = ["train_loss", "train/loss", "loss"];
/** Names of the validation loss, the most telling first. */
const VALIDATION_LOSS = ["val_loss", "val/loss", "eval_loss", "eval/loss", "validation_loss"];
/** Parts of names that tell a held-out set from the training set. */
const HELD_OUT = /(^|[^a-z])(val|valid|validation|eval|evaluation|test|dev|holdout)([^a-z]|$)/i;

function find(
  keys: readonly string[],
  patterns: readonly string[],
  accept: (key: string) => boolean,
): string | undefined {
  const candidates = [...keys].sort().filter(accept);
  for (const pattern of patterns) {
    const same = candidates.find((key) => key.toLowerCase() === pattern);
    const containing = candidates.find((key) => key.toLowerCase().includes(pattern));
    if (same ?? containing) return same ?? containing;
  }
  return undefined;
}

/**
 * The key of the training loss: the first of `train_loss`, `train/loss`, `loss` that is a key or, in
 * any case, part of one. A held-out loss is never taken for it.
 */
export function findLossKey(keys: readonly string[]): string | undefined {
  return find(keys, TRAIN_LOSS, (key) => !HELD_OUT.test(key));
}

/**
 * The key of the validation loss: the first of `val_loss`, `val/loss`, `eval_loss`, `eval/loss`,
 * `validation_loss` that is a key or part of one.
 */
export function findValidationLossKey(keys: readonly string[]): string | undefined {
  return find(keys, VALIDATION_LOSS, () => true);
}

/** The keys of learning rates (`lr`, `train/lr`, `lr-AdamW/pg1`, `optimizer.learning_rate`, …). */
export function learningRateKeys(keys: readonly string[]): string[] {
  return keys.filter((key) => /(^|[^a-z])(lr|learning[_-]?rate)([^a-z]|$)/i.test(key)).sort();
}

/** The keys of gradient norms (`grad_norm`, `train/gradient_norm`, `gnorm`, `gradients/norm`, …). */
export function gradientNormKeys(keys: readonly string[]): string[] {
  return keys.filter((key) =>
    /(^|[^a-z])(grad(ient)?s?[_/. -]?(global[_/. -]?)?norm|gnorm)([^a-z]|$)/i.test(key)
  ).sort();
}

/** The keys of GPU utilisation in per cent among the system metrics (`system.gpu.0.gpu`, …). */
export function gpuUtilisationKeys(keys: readonly string[]): string[] {
  return keys.filter((key) => /(^|\.)gpu\.(process\.)?\d+\.gpu$/.test(key)).sort();
}
