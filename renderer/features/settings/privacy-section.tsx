/** What others are told of what this person does. */
import { changePreferences, usePreferences } from '../../app/preferences.js'
import { t } from '../../i18n/index.js'
import { Switch } from '../../ui/field.js'

export function PrivacySection() {
  const preferences = usePreferences()
  return (
    <section>
      <Switch
        label={t('settings.receipts')}
        hint={t('settings.receiptsHint')}
        checked={preferences.sendReceipts}
        onChange={(event) => changePreferences({ sendReceipts: event.target.checked })}
      />
      <Switch
        label={t('settings.typing')}
        checked={preferences.sendTyping}
        onChange={(event) => changePreferences({ sendTyping: event.target.checked })}
      />
    </section>
  )
}
