/** Collects calls for a while and runs the work once; calls that come while it runs make it run once more. */
export function coalesceFor(ms: number, work: () => Promise<void>): () => void {
  let isPlanned = false
  let isRunning = false
  let isAskedAgain = false
  function plan(): void {
    if (isPlanned) return
    isPlanned = true
    setTimeout(() => {
      isPlanned = false
      void run()
    }, ms)
  }
  async function run(): Promise<void> {
    if (isRunning) {
      isAskedAgain = true
      return
    }
    isRunning = true
    await work().finally(() => {
      isRunning = false
    })
    if (isAskedAgain) plan()
    isAskedAgain = false
  }
  return plan
}
