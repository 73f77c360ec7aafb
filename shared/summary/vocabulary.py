"""Words whose tokens are known: they make the estimate of a prompt (tokens.py) a tight one.

The most frequent words in the messages and comments of Python's libraries, and those of trading. Each of
`ONE` and `ONE_CAPITALS` is one token in the encodings of today's models, of the others at most two, behind a
space or not; in `ONE` a capital letter may make it two. A test looks, for each of them.
"""

from typing import Final

_ONE: Final = """
    ability able abort absolute abstract accept acceptable access accessible according action actions
    actually adapter adding additional addr address addresses adds adjust advance advanced affected ahead
    algorithm alias aliases align alignment alive allocation allow allows alone already alter alternate
    alternative always analysis ancestor anchor annotation annotations anonymous anything appear append
    application applications apply appropriate arch architecture archive archives argument arguments array
    arrays ascii ask asking assign assignment associated assuming atomic attach attr attribute attributes
    attrs auth authenticate authenticated authentication author authority authorization authorized authors
    auto avoid aware backend background bare base basename bases basic basis basket behavior belongs best
    better binary bind binding bindings bits blank block blocked blocking blocks blue body bold bool boolean
    bottom boundary bounded bounds branch branches breaking broker browser bucket buffers bugs builder
    building builtin byte bytes cached calculate calendar callback callbacks caller calling came cancel
    candidate canonical capture captures care carry cast catch categories category caught cell cert
    certificate changing channels char character characters charge chars charset checker checking checkpoint
    child children choice choices choose chosen chunk chunks claim claims classes clean cleanup click
    closest closing closure codec codes coding collapse collect collection collections collector colon color
    colors column columns combine combined comes coming comma commands comment comments compact compare
    comparison compat compatible compile compiled compiler completion complex component components
    compressed compression compute computed cond conditional conditions confidence configs configure
    configured conn connecting consistent console const constant constants constraint constraints construct
    constructed construction constructor consume consumer contain contained containers content contents
    context contexts contract contributors controlled controls conversion convert converted converter cookie
    cookies coordinates copies copy copyright core correct counter cover covered covers create creates
    creating creation currently cursor custom cycle cycles daemon datetime dead deadline decimal decl
    declare decode decoded decoder deep defaults define defined defines definition definitions delete
    deleted delimiter depend dependencies dependent depending depends deprecated deps deque derive derived
    desc descending describe description descriptor design desired dest destination detect development dict
    dictionary diff digest digit digits direction directive directories directory dirname dirs dirty disable
    disabled discard discussion dispatch display dist distinct distributed distribution divide docs
    documentation documents doing domain domains dots draw drive dummy dump dynamic easy edit editable
    effective effects efficient elapsed elem element elements email embed embedded emit enable enabled
    encode encoded encoder encoding ending endpoint ends ensure enter entered entity enum epoch equal equals
    errno escaped escaping especially eval evaluate evaluation everything example examples exceptions
    exclude excluding exclusive execute executor existing exists expand expanded expect expects experimental
    expiration expire expired expires expiry explicit export exports expr express expression extend extended
    extension extensions extract extras factory fails fake fall fallback falls family favor feature features
    feed fetch fields figure filename filepath files filesystem filled filter filtered filters finder fine
    finish finished fixed fixture fixtures flag flags flatten float floating flush fname folder footer force
    forced forces forget fork form format formats formatted formatter former forms forward fraction fragment
    frames framework free fresh fullname fully func functional functions general generate generated
    generation generator generic getter gettext getting give glob globals going gone good google grammar
    grant graph graphql greater groups grpc guard guess guide gzip hack handle handled handlers handles
    handling hash having head header headers heading heartbeat height held help here hidden
    hide highlight hint history holding holds home hook hooks hope hostname hosts html http https human idea
    ident identified identifier identify identity ignore ignored illegal image immutable implement
    implementation implemented implements implicit important imports include included includes including
    inclusive incoming incorrect increment indent indexed indexes indicator indices infer information
    inherit inherits init initial initialize initialized initializer inline inner inputs insert inspect inst
    install installation installed instances instructions integer interaction interactive interesting
    interface interfaces interpret ints invalid inverse invoke issued italic iter iterate iteration
    iterations iterator join joined joining journal json keeping keyword keywords kill klass knowledge label
    labels lang language languages layer layout lazy leading leaf lease ledger legacy legal length lets
    letter letters lexer libraries library license licensed light likely limitations linked links listed
    listener listing lists literal loaded loader loading loads locale locals located location locations lock
    locked logger logging logic logical looking lookup loops lowest machine macro magic major manage managed
    management manager mandatory manifest manual mapped mapping maps marked marker markers marks markup mask
    master matched matches matching math matter maximum maybe meaning media member members memo merge merged
    mess meta metadata method methods middle might milliseconds mind minimal minimum minor minus miss mixed
    mock models modern modified modifier modify modules moment mostly moving multipart mutable mutation
    names namespace native nearest necessary negative nested newline nice nodes nonce normal normalize
    normalized normally notation notes notification null numeric numpy nums official offset okay older omit
    ones onto opaque opened opening opens operand operate operations operators optimized option optional
    options opts oracle ordered ordering ordinary orig origin original otherwise outer outfile outputs
    overflow override overwrite owned owns packages padding pages pair pairs paper paragraph parallel param
    parameter parameters params parent parents parsed parser particularly passed passes password patch
    pathname paths payload peer people perform performance permission permissions permit person persons
    phase pick pickle piece pieces pipe placed placeholder places plain platform please plugin plugins plus
    pointer populate port portfolio portion positive possibly post potential practice pragma precision
    predicate prefer preferred prefix premium prepare prepared prepend presence pretty prev prevent primary
    primitive print printed printing prints prior priority private proc processed processing produce prog
    program project projects prompt proper properties property protect protected proto protobuf protocol
    provide provided public publish published pull pure purpose push pytest python qualified queries
    question queued quiet quite quota quoted quotes race raises raising random ranges reachable reader reads
    ready real really reasonable recognized recommended record recursive redirect redis refer reference
    references reflect reflection regex regexp registered registration registry regular relative released
    reload remain remaining remove rename render replace replacement reply reported repository repr
    represent representation represented requested requirements requires reserved resolution resolve
    resolved resolver resp respect restore restricted restriction retain retrieve returns retval reuse
    reverse rewrite rich rights roots routine rule rules runner runtime safe save saved saving scalar
    scenario schemas scheme score scripts search sections secure security segment segments select selected
    selection selector semantic sending sense separator serialization serialize serialized serializer serve
    servers sessions sets setter setting settings setup shall shape share shared sharing shell shortcut
    shown shutdown signature signed silent simple singleton site sizes skip slash sleep slice slot slots
    sock software solution someone something sort sorted sorting spaces spawn spec special specific
    specified speed split square stable standard starts startup stat statement static stderr stdin stdout
    stmt stock stored stores straight streams strict strike strings strip struct structure structured
    structures stub stuff style styles subject subscription subset success successful suffix suite super
    support supported supports sure switch syntax table tables tabs tags tail takes taking targets tell temp
    templates term terminal terminate terminated terms tested testing tests text theme thing things think
    threshold throw thus ticks timestamp timezone title tool tools touch track tracked tracking tracks
    traditional transform transition translate translated translation transport tree tries true truncate
    trust trusted truth trying tuple turn turned typed typename typically typing undefined unicode union
    unique units unix unless unlikely unsafe unset unsigned unsupported unused unwrap updates upgrade upload
    upon urls usable username usual usually util utilities utility utils uuid valid validate validated
    validator validators variable variables variant variants vars vary verbose verbosity verification
    verified verify versions view virtual visit visited visitor wake walk want wanted warn warnings ways
    weak went whatever wheel whose width windows wire wish words works world worth wrap wrapped wrapper
    writer writing written yaml your"""
_TWO: Final = """
    aborted absent abstractmethod accepting accepts accessed accesses accessing accordingly accurate acquire
    acquired across activated addition adjacent advantage affect affects afterwards agreed algorithms
    allocated allowing alongside alphas alternatives ambiguous analyze analyzed analyzer annotated anyone
    anyway anywhere appears appended appending applicable applied applies applying approach arbitrary
    arithmetic assertion assigning assignments assistance assume assumed assumes assumption asynchronous
    asynchronously asyncio attacks attempted attempting attempts audience automatically avoiding avoids
    awaitable backed backfill backport backslash backslashes backward backwards basically become beginning
    behave behaves behaviour behind belong benefit beyond bodies bother boundaries braces bracket brackets
    breakout breaks buffered buffering bufsize builds builtins bygroups bypass bytearray bytecode caches
    caching calculated callable callables callee callers cancellation cancelled candidates candle candles
    captured careful carefully carries casing catches catching caused causes causing certain certificates
    chained chance checkers chunked circuit circular classmethod clause cleaned cleared clears closes codecs
    coerce cognitive collateral collected collecting combination combinations combining commas commonly
    compared compares comparing compatibility compilation compilers compiling complain completely complexity
    compliance compliant complicated composite compress computation computing concrete concurrent
    concurrently configparser configurations conflict conflicting conflicts conform confusing conjunction
    considered considers consist consistency consisting consists constructing constructors constructs
    consumed consumers consuming containing contextlib contextmanager contextvars continuation continues
    contributed convention converting converts copied copying coroutine coroutines correctly correspond
    corrupted counted counting couple cryptography ctypes customize customized dashes dataclass dataclasses
    deadlock dealing debugger debugging decide decides decisions declaration declarations declared decoding
    decorate decorated decorator decorators defaultdict deferred defining definitely delayed deleting
    deletion delimited described describes describing descriptions descriptors deserialized designed
    detailed detected detection detector detects determine determined diagnostic dictionaries differ
    differences differs difficult directives directly disables disallow disallowed disconnected discovered
    discovery displayed displaying distinction distribute distributions distutils dividend docstring
    docstrings documented dotted downloaded downstream drawdown dropped dropping dunder earlier easier
    easily effectively effort elsewhere emitted emulate enables enabling enclosed enclosing encodings
    encounter encrypted endpoints enforce enforced enough ensures ensuring entering entire environ
    environments equality equity equivalent escapes essential essentially establish established evaluated
    eventually everywhere evicted exactly exceed exceeded excluded excludes executable executed executes
    executing existence exited exiting expansion expecting expensive explanation explicitly exponent
    exported expose exposed exposes exposing exposure expressed expressions extends extracted extracting
    failing failover failures fairly falling faster fetched filenames filtering finalized finishes finite
    flexible floats fnmatch folded folding followed follows forbidden forever formatting forwarded fragments
    frequently frozen funcname functionality furnished further futures garbage generally generates
    generating generators generics getattr giving granted greeting grouped grouping gunicorn handshake
    happen hashable hashes hashing hashlib helpful hereby hexadecimal hierarchy highlighted highlighter
    highlighting highlights holdings identical identifiers identifies identifying ignoring immediate
    immediately implementations implementing implied implies importable imported importer importing
    importlib impossible improve inclusion incompatible incomplete inconsistent incorrectly incremental
    indented independent indexing indicate indicated indicates indirect inference inferred infinite
    inheritance inherited initialization initially insensitive inserted inserting insertion insertions
    inspired installing installs instantiate instantiated instantiation instruments insufficient intact
    integers intended interchange interested intermediate internally internals interpreter introduce
    introduced invalidate invariant invocation invoked invokes invoking involve ipaddress isolated iterable
    iterables iterating itertools itself jsonschema killed larger latency latter leaves leaving lengths
    lexers lifetime limitation linecache lineno linker linking literals locally locate longer longest
    lookahead looked lookups lowercase lvalue machinery macros mainly maintain maintained maintains
    malformed manages manner manually mappings marking matters maxsize memoryview merging metaclass mimetype
    mirrors mismatch modification modifications modifying modname momentum multiline multiprocessing mutate
    mutated mutually namedtuple namedtype namedval namespaces naming narrow nbytes needing neither nesting
    netloc netting newlines normalization obsolete obtain obvious occurred occurrence occurrences occurs
    octets offsets oldest omitted operands operates operating opposed optimization optimize optionally
    optparse originally outcome overhead overlap overlapping overload overloaded overloads overnight
    overridden overrides overwritten packaging packed parentheses parenthesis parsers parsing partially
    particular passing patched pathlib performed performing performs permitted picked pickled pickling
    platforms pointing popped populated portions positional possibility potentially pprint precise
    predicates preference prefixed prefixes preprocessor preserve preserved preserves preserving presumably
    prevents previously primarily primitives printable problems proceed processes produced produces
    producing programming programs propagate protection protocols provides proxies purely pushed putting
    pyproject pyright querying quickly quorum quoting reached reaches readable readline reasons receiving
    recently recognize reconciliation reconnected reconnecting recorded recorder recover recreate recursion
    recursively redirected redirection redirects redistribute refactor referenced referencing referred
    refers reflections regardless regexes registering registers rejected rejects relatively releases
    relevant reliable relies remains removal removes removing renamed renderable renderables rendered
    rendering repeated replaced replaces replacing replay replica reporter reporting representations
    representing represents reproduce requirement requiring resets resolves respective responsibility
    responsible restrict restrictions resulting retained retries returning reused reversed revoked routines
    ruamel rvalue safety sanity satisfied scalars scanned scanning scenarios schemes scoped scopes searching
    semantically semantics sensible sensitive sentinel separate separated sequences serializing served
    serves settlement setuptools several shallow shebang shorter showing shutil signatures significant
    signing silently similarly simplified simplify simply simulated situation skipped skipping slashes
    slower smaller sockets somehow somewhat somewhere sourcecode specialized specially specifically
    specification specifications specifier specifiers specifies specify specifying spelling splits splitting
    spurious squared stalled standalone starlette stateful statements statically staticmethod stdlib stopped
    stopping storing strategies streaming strictly stripped stripping strongly structs structural subclass
    subclasses subdirectories subdirectory submodule submodules subprocess subscribed substantial
    substitution substring subtype subtypes succeed succeeded successfully sufficient suggested suggestion
    suitable superclass supplied supply supporting supposed suppress suppressed surrogate suspended symbolic
    symlink synchronous synchronously sysconfig tagged teardown technically tempfile terminating testcase
    textwrap theory therefore threading throttle throughput thrown timeouts timing together tokenize
    tokensource towards traceback tracebacks trader trades trailing transformation transformed transforms
    traverse treated treatment tricky triggered triggers triple trivial truncated truthy tuples typical
    unauthorized unavailable unbound unbounded unchanged unconditionally underlying understand undocumented
    unescaped unexpectedly unfortunately unhandled unions unittest unlike unmodified unnecessary unpack
    unpacked unpacking unquote unquoted unreachable unrelated unspecified untrusted updating upstream
    urlencode urljoin urllib urlopen urlparse urlsplit useful validates validating validity variadic varies
    various verbatim verifying versionadded versionchanged virtualenv volatility warranty watchdog weakref
    webhook websocket wheels whenever whereas whitespace wildcard wildcards winreg workaround wrappers
    wrapping writable yielding yields yourself zipfile"""
_ONE_CAPITALS: Final = """
    ACTION ADD ALL AN AND ANY API AS ASCII AT AUTO BAR BE BEGIN BLOCK BOOL BREAK BUY BY CA CALL CLI
    CONTROL CP CPU CSS DATA DEBUG DEFAULT DELETE DEVICE DNS DO DOT DOUBLE EDIT EM EN END EOF ERROR EVENT
    FALSE FILE FLOAT FOR FORM FROM FULL GET GROUP HEAD HTML HTTP HTTPS ID IF IN INFO INT IO IP IR IS ISO
    JSON KEY LEFT LESS LIMIT LINE LINK LONG LOW MARK MAX MD MODULE NAME NB NO NONE NOT NOTE NULL NUMBER
    OF OK ON ONE OPEN OPTIONS OR OS OTHER OUT PATCH PATH PI PIPE PLUS POST PUBLIC PUT PY RETURN RIGHT
    SDK SECTION SELECT SET SHA SHIFT SHORT SIGN SPACE SSL START STOP STRING SUCCESS TCP TEXT THE THIS
    TLS TO TODO TRUE TXT TYPE UNIT UNKNOWN UP URI URL US USA USE UTC UTF UUID VALUE VERSION WARNING WITH
    WITHOUT XML ZERO"""
_TWO_CAPITALS: Final = """
    ALERT BANK CANCEL CLOSE CRITICAL FEED FIVE INFY LIMITED MARKET MEDIUM MUST NINE NOTICE PERCENT RECORD SBIN
    SELL SEVEN SINGLE SMALL THAN THREE UNIX WHETHER YAML"""

ONE: Final = frozenset(_ONE.split())
TWO: Final = frozenset(_TWO.split())
ONE_CAPITALS: Final = frozenset(_ONE_CAPITALS.split())
TWO_CAPITALS: Final = frozenset(_TWO_CAPITALS.split())
