/** What others see of this person: name and picture. */
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { showMyProfile, useMyProfile } from '../../app/use-my-profile.js'
import { t } from '../../i18n/index.js'
import { explainError } from '../../platform/matrix/errors.js'
import { localpartOf } from '../../platform/matrix/login-session.js'
import { Avatar } from '../../ui/avatar.js'
import { Button } from '../../ui/button.js'
import { TextField } from '../../ui/field.js'
import { showToast } from '../../ui/toast.js'
import styles from './settings.module.css'

export function ProfileSection() {
  const { matrix, session } = useServices()
  const profile = useMyProfile()
  const [name, setName] = useState<string>()
  const shown = name ?? profile.displayname ?? ''

  const change = async (work: () => Promise<void>) => {
    try {
      await work()
      showToast(t('settings.saved'))
    } catch (error) {
      showToast(explainError(error), 'bad')
    }
  }
  const saveName = () =>
    change(async () => {
      await matrix.setDisplayName(session.userId, shown.trim())
      showMyProfile(session.userId, { displayname: shown.trim() })
    })
  const savePicture = (file: File) =>
    change(async () => {
      const avatar_url = await matrix.media.upload(file, { fileName: file.name })
      await matrix.setAvatarUrl(session.userId, avatar_url)
      showMyProfile(session.userId, { avatar_url })
    })

  return (
    <section>
      <div className={styles.profile}>
        <Avatar
          id={session.userId}
          name={profile.displayname ?? localpartOf(session.userId)}
          mxc={profile.avatar_url}
          size={64}
        />
        <div>
          <label className={styles.picture}>
            {t('settings.picture')}
            <input
              type="file"
              accept="image/*"
              className="visually-hidden"
              onChange={(event) => event.target.files?.[0] && savePicture(event.target.files[0])}
            />
          </label>
          <p className={styles.id}>{session.userId}</p>
        </div>
      </div>
      <form
        className={styles.name}
        onSubmit={(event) => {
          event.preventDefault()
          void saveName()
        }}
      >
        <TextField
          label={t('settings.displayName')}
          value={shown}
          maxLength={120}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" disabled={shown.trim() === (profile.displayname ?? '')}>
          {t('common.save')}
        </Button>
      </form>
    </section>
  )
}
