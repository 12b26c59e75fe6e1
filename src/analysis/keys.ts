/** Recognises the roles of metrics by their names. */

/** Names of the training loss, the most telling first. */
const TRAIN_LOSS = [["train", "loss"], ["loss"]];
/** Names of the validation loss, the most telling first. */
const VALIDATION_LOSS = [["val", "loss"], ["eval", "loss"], ["validation", "loss"]];
/** Losses of reinforcement learning, which need not fall while training goes well. */
const OTHER_LOSS = ["policy", "actor", "critic", "value", "entropy", "surrogate", "pg", "vf"];
/** Parts of names that tell a held-out set from the training set. */
const HELD_OUT = /(^|[^a-z])(val|valid|validation|eval|evaluation|test|dev|holdout)([^a-z]|$)/i;

/** The words of a name: `train/lossStep` has three. */
function splitWords(key: string): string[] {
  return key.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
}

function holds(words: readonly string[], name: readonly string[]): boolean {
  return words.some((_, at) => name.every((word, index) => words[at + index] === word));
}

function find(
  keys: readonly string[],
  names: readonly (readonly string[])[],
  accept: (key: string) => boolean,
): string | undefined {
  const candidates = [...keys].sort().map((key) => ({ key, words: splitWords(key) }))
    .filter(({ key, words }) => accept(key) && !words.some((word) => OTHER_LOSS.includes(word)));
  for (const name of names) {
    const found = candidates.filter(({ words }) => holds(words, name));
    const same = found.find(({ words }) => words.length === name.length);
    if (found.length > 0) return (same ?? found[0])?.key;
  }
  return undefined;
}

/**
 * The key of the training loss: the first of `train_loss`, `train/loss`, `loss` that is a key or, as
 * whole words, part of one. Held-out losses and losses of reinforcement learning are never chosen.
 */
export function findLossKey(keys: readonly string[]): string | undefined {
  return find(keys, TRAIN_LOSS, (key) => !HELD_OUT.test(key));
}

/** The key of the validation loss: `val_loss`, `eval/loss`, `validation_loss` or the like. */
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

/**
 * The keys of GPU utilisation (percent) among the system metrics: `system.gpu.0.gpu`, and with
 * several nodes `system.gpu.0.gpu/l:node0`.
 */
export function gpuUtilisationKeys(keys: readonly string[]): string[] {
  return keys.filter((key) => /(^|\.)gpu\.(process\.)?\d+\.gpu(\/l:.*)?$/.test(key)).sort();
}
