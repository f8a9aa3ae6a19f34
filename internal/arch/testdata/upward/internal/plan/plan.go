package plan

import _ "example.org/app/internal/sys"
