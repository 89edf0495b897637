/** Steps of a client's test: each prints `ok` or `not ok`; the first that fails ends the file, since the rest builds on it. */
export async function step(name, work) {
  try {
    const result = await work()
    console.log(`ok ${name}`)
    return result
  } catch (error) {
    console.log(`not ok ${name}: ${error?.stack ?? error}`)
    process.exit(0)
  }
}

export async function until(what, check, timeoutMs = 15_000) {
  const end = Date.now() + timeoutMs
  for (;;) {
    const found = await check()
    if (found) return found
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export function equal(actual, expected) {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
}
