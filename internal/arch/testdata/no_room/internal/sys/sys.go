package sys

import _ "example.org/app/internal/attic"
