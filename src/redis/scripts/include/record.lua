-- The fields of the hash of a sandbox. src/redis/fields.ts (recordFields) says what each of them means.
local recordField = {
  version = 'v', project = 'p', resource = 'r', internal = 'i', credentials = 's', awake = 'w', memoryMiB = 'm',
  diskMiB = 'd', usageNames = 'u', projectUid = 'o', created = 'n',
}
