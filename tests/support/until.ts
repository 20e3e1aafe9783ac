// Waits for something that only asking can tell.

/** Asks again every 50 ms until the answer is not undefined. @throws after 15 seconds */
export async function until<T>(question: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`still not so after 15 s: ${question.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
