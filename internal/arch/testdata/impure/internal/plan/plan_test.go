package plan

import _ "os"
