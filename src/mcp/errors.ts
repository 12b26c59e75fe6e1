import * as z from "zod";

/** Machine-readable kinds of failure, stable across releases. */
export const ERROR_CODES = [
  "invalid_arguments",
  "not_found",
  "unauthorized",
  "forbidden",
  "conflict",
  "rate_limited",
  "timeout",
  "cancelled",
  "unreachable",
  "host_not_allowed",
  "upstream_error",
  "unsupported",
  "confirmation_required",
  "declined",
  "internal",
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** What a failed call tells the model: the kind, what happened, what to do next, try again? */
export const FAILURE_REPORT: z.ZodObject<{
  error: z.ZodEnum<{ [K in ErrorCode]: K }>;
  message: z.ZodString;
  hint: z.ZodOptional<z.ZodString>;
  retryable: z.ZodBoolean;
}> = z.object({
  error: z.enum(ERROR_CODES),
  message: z.string(),
  hint: z.string().optional(),
  retryable: z.boolean(),
});

/** See {@link FAILURE_REPORT}. */
export type FailureReport = z.output<typeof FAILURE_REPORT>;

/** A failure with its sentence for the model. Every other error is reported as `internal`. */
export class ToolError extends Error {
  /** The class's name. */
  override readonly name = "ToolError";
  /** The report as the client gets it. */
  readonly report: FailureReport;

  /** Makes one; `hint` is what to do next. */
  constructor(
    error: ErrorCode,
    message: string,
    options: { hint?: string; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.report = {
      error,
      message,
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      retryable: options.retryable ?? false,
    };
  }
}

/** Shorthand for the commonest failure: an argument that cannot be used. */
export function invalidArgument(message: string, hint?: string): ToolError {
  return new ToolError("invalid_arguments", message, hint === undefined ? {} : { hint });
}
