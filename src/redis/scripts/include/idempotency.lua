-- The fields of the hash of a request with an Idempotency-Key. src/redis/fields.ts (idempotencyFields) says what each
-- of them means.
local entryField = { fingerprint = 'f', seed = 's', owner = 'o', heardOfAt = 't', answer = 'a' }
