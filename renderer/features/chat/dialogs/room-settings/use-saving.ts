/** What a part of the settings saves: busy while it runs, "Saved" or the refusal beside it. */
import { useState } from 'react'
import { t } from '../../../../i18n/index.js'
import { explainError } from '../../../../platform/matrix/errors.js'
import { showToast } from '../../../../ui/toast.js'

export function useSaving() {
  const [isBusy, setIsBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  return {
    isBusy,
    problem,
    /** @returns whether it worked */
    async save(work: () => Promise<unknown>): Promise<boolean> {
      setIsBusy(true)
      setProblem(undefined)
      try {
        await work()
        showToast(t('settings.saved'))
        return true
      } catch (error) {
        setProblem(explainError(error))
        return false
      } finally {
        setIsBusy(false)
      }
    },
  }
}
