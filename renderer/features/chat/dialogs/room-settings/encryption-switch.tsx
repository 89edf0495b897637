/** A room's encryption: it can be switched on, after a word of warning, and never off. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { t } from '../../../../i18n/index.js'
import { Banner } from '../../../../ui/bits.js'
import { Button } from '../../../../ui/button.js'
import { Switch } from '../../../../ui/field.js'

type EncryptionSwitchProps = { room: RoomSummaryRow; may: boolean; onEncrypt: () => void }

export function EncryptionSwitch({ room, may, onEncrypt }: EncryptionSwitchProps) {
  const [isAsked, setIsAsked] = useState(false)
  const isAsking = isAsked && !room.encrypted
  return (
    <>
      <Switch
        label={t('roomSettings.encryption')}
        hint={t(room.encrypted ? 'roomSettings.encryptionOn' : 'roomSettings.encryptionOff')}
        checked={room.encrypted || isAsking}
        disabled={room.encrypted || !may}
        onChange={(event) => setIsAsked(event.target.checked)}
      />
      {isAsking && (
        <Banner
          tone="warn"
          action={
            <>
              <Button onClick={() => setIsAsked(false)}>{t('common.cancel')}</Button>
              <Button variant="primary" onClick={onEncrypt}>
                {t('roomSettings.encrypt')}
              </Button>
            </>
          }
        >
          {t('roomSettings.encryptionAsk')}
        </Banner>
      )}
    </>
  )
}
