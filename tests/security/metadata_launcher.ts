/** A launcher that does nothing but ask the cloud metadata address, in three spellings. */
const outcomes = [];
for (const host of ["169.254.169.254", "0xa9fea9fe", "[::ffff:169.254.169.254]"]) {
  const outcome = await fetch(`http://${host}/`).then(() => "answered", (error) => error.name);
  outcomes.push(outcome);
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes)));
