/** What one transaction may hold. Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions */
export const transactionLimits = { pdus: 50, edus: 100 }
