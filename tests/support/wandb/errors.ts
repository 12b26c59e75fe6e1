/** An error that a request is answered with. */
export class SimError extends Error {
  override readonly name = "SimError";

  /**
   * @param status HTTP status of the whole answer when the error left no data.
   * @param message As the client sees it.
   */
  constructor(readonly status: number, message: string) {
    super(message);
  }
}
