/** The first-run questions. */
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { LoginSession } from '../../platform/matrix/login-session.js'

type OnboardingProps = { http: MatrixHttp; onSession: (session: LoginSession) => void }

export default function Onboarding(_props: OnboardingProps) {
  return null
}
