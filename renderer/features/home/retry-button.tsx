/** Asks the server to try another server now instead of waiting its time out. */
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { explainError } from '../../platform/matrix/errors.js'
import { Button } from '../../ui/button.js'
import { showToast } from '../../ui/toast.js'
import { retryDestination } from './admin-api.js'

export function RetryButton({ server }: { server: string }) {
  const { http } = useServices().matrix
  const [isBusy, setIsBusy] = useState(false)
  const retry = async () => {
    setIsBusy(true)
    try {
      await retryDestination(http, server)
      showToast(t('federation.retried', { server }))
    } catch (error) {
      showToast(explainError(error), 'bad')
    } finally {
      setIsBusy(false)
    }
  }
  return (
    <Button onClick={() => void retry()} disabled={isBusy}>
      {t('federation.retry')}
    </Button>
  )
}
