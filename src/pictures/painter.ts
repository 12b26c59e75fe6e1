/** The worker that draws. It has no permissions, and its memory is freed when it ends. */
import { type FromPainter, paint, type ToPainter } from "./paint.ts";

self.onmessage = ({ ports: [port] }: MessageEvent<unknown>) => {
  if (port === undefined) return;
  port.onmessage = async ({ data: { id, spec } }: MessageEvent<ToPainter>) => {
    const reply = (message: FromPainter) => port.postMessage(message);
    try {
      reply({ id, png: await paint(spec) });
    } catch (error) {
      reply({ id, error: String(error) });
    }
  };
};
