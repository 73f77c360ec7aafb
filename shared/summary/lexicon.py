"""The words that reports about logs are written in: they say what happened without naming anything.

`COMMON` are single tokens in the encodings of today's models, capitalised or not (a test looks). A claim may
use all of `REPORTING` freely; any other word must stand in what it cites (verify.py). Words of reassurance
are on purpose not among them: that something is fine has to be read somewhere.
"""

from typing import Final

_COMMON: Final = """
    a about above accepted account accounts active activity actual add added after again against age
    agent alert all allowed almost along also although among amount an and another answer any are area
    around as assigned at attached attempt automatic available average away back balance bar based batch
    be because been before begin being below between bid big bot both bound break broken buffer build
    built bundle busy but buy by cache call called calls can cannot capacity capital case cases cause
    cent chain change changed changes channel check checked checks class clear client clients clock
    close closed cluster code cold come command common complete completed condition config configuration
    confirm connect connected connection connections consider contact container contains continue
    control cost could count counts course coverage created credential credentials critical cross
    current customer cut daily dashboard data database date day days deal debug decision default delay
    delta dependency depth detail details device did difference different direct disconnect disk do
    document does done double down download drop due duplicate duration during each early edge effect
    eight either else empty end engine entries entry environment error errors escape even event events
    ever every exact except exception exchange execution exist exit expected external extra fact factor
    fail failed failure false far fast few field file fill final find finding first five flat flow
    follow following for found four frame frequency from front full function future gain gap gateway get
    gets given go group grow had half hand handler hard has have heavy high higher highest hit hold host
    hour hours how however idle if impact in increase index individual info input inside instance
    instead instrument internal interval into is issue issues it item items its job jobs just keep
    kernel key keys kind know known large last late later latest lead least leave left less level levels
    like limit limited limits line lines link list little live load local log logged login logs long
    look looks loop loss lost lot low lower made main make makes making many margin mark market match
    may mean means measure memory message messages metric metrics minute minutes missing mode model
    module monitor month more most move much multiple must name named near need needed needs network
    never new next night nine no node noise none not note nothing notice now number numbers object
    objects of off often old on once one only open operation operator or order orders other others our
    out output outside over overall own owner package packet page parse part partial parts past path
    pattern patterns pay peak pending per percent perhaps period persistent pipeline place pod point
    points policy pool position positions possible present pressure previous price prices probably probe
    problem process profit progress provider proxy query queue quick quote raised range rate rates
    rather ratio raw reach read reading reason receive received recent records reduce refresh region
    register reject related release remote removed repeat report reports request requests require
    required reset resource resources response responses rest restart result results retry return
    returned review right risk role root rose rotate round route router row rows run running runs same
    sample say scan schedule scheduled scheduler schema scope script second seconds secret section see
    seeing seen sell send sent sequence series server service services session set seven severity sharp
    shift short should show shows side sign signal signals similar since single six size slow small
    snapshot so socket some sometimes soon source sources space span spread stack stage start started
    starting state states status stay step steps still stop storage store strategy stream string strong
    such sum summary symbol symbols sync system systems take taken target task tasks team template
    temporary ten test than that the their them then there these they third this those though thread
    threads three through tick time timeout times to today token tokens too top total trace trade
    transaction transfer trigger two type types unable under unexpected unit unknown until up update
    updated upper usage use used user users uses using validation value values version very via visible
    volume wait waiting warning was watch way we week well were what when where whether which while who
    whole why wide will window winner with within without word work worker workers working would write
    writes wrong year yes yet zero"""
_RARER: Final = """
    abandoned aborted across acted advice affected afternoon ago alerts apparent appear appeared appears
    arrived attempts backlog became become began behind bots broke burst came canceled cancelled caused
    causes certain comes compared concentrated consecutive consistent contain continued counted crash
    crashed decrease degraded delayed delays denied deployed despite detected directly disconnected
    discovered dropped drops duplicated duplicates earlier elapsed ended ends enough entered entire
    escalated evening evidence exactly exceed exceeded expired explain exposure facts failing fails
    failures fallback fell filled fills flagged fleet followed forced freed frequent further gained gave
    gives goes gone gradual growing halted happen happened happens heartbeat held hourly ignored
    inconsistent increased indicate indicates insufficient interrupted intervals investigate isolated
    itself kept kinds knew lag lagging larger largest latency leaked lifted likely logins longer loser
    losers losing losses lowest mainly marked markets matched might mismatch missed morning mostly moved
    nearly nobody observed occur occurred ones opened originally outage outages overlap paused persisted
    placed pnl pods possibly problems processed produced quota rapid rare reached reads reasons
    receiving reconnect recorded recovered recovery reduced refreshed refused rejected rejecting
    rejection rejections remain remained remains repeated repeatedly replaced replica reported resolved
    respectively restarted resumed retried retries rise rising rollback rotated saw says secrets seem
    seems separate serious several severe sharply showed shown signs silent skipped slept slippage
    slower spent spike stable stale starts stayed stopped stops stuck successive sudden suffered suggest
    suggests suspicious symptom takes tend throttled throttling throughput timed timeouts together told
    took toward traded trader traders trades trading trend trends tried triggered unauthorized
    unavailable unchanged unhandled unreachable unresolved unseen unusual upstream usual various
    volatile waited warnings weeks went whose winners winning worked worse worst yesterday"""
_REASSURING: Final = """
    clear cleared resolved recovered recovery solved stable normal fine safe healthy okay good well nothing
    none nobody no never without zero unchanged ignore ignored completed complete successful successfully"""

COMMON: Final = frozenset(_COMMON.split())
REPORTING: Final = (COMMON | frozenset(_RARER.split())) - frozenset(_REASSURING.split())

# How much more or less: nothing that is cited says so.
_RATIOS: Final = """
    double doubled doubles triple tripled twice thrice half halved quadrupled quarter tenfold twofold
    majority dozens hundreds thousands millions"""
RATIOS: Final = frozenset(_RATIOS.split())
