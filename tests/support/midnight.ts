const DAY = 86_400_000;

/** Waits until the day does not change for so many seconds (UTC), for tests of what is of today. */
export async function passMidnight(seconds = 30): Promise<void> {
  const left = DAY - Date.now() % DAY;
  if (left < seconds * 1000) await new Promise((resolve) => setTimeout(resolve, left));
}
