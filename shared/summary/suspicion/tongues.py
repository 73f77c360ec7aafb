"""Instructions to a language model in the languages that attackers like besides English (suspicion.py).

Bots write English: words for a summary or an instruction in another language need no company.
"""

from typing import Final

PHRASES: Final = (
    (
        r"\b(?:ignorier\w*|vergiss|vergesst|missacht\w*)\b.{0,40}\b(?:anweisung\w*|regeln|alles"
        r"|vorherige\w*|bisherige\w*)"
    ),
    (
        r"\b(?:ignor(?:ez|e|a|ar|are|en|i)|olvid\w+|oublie[zr]?|dimentica\w*|esque[cç]\w+|negeer"
        r"|vergeet|abaikan|zignoruj|yoksay)\b"
        r".{0,40}\b(?:instru\w+|istruzioni|consignes|anteriores|précédente\w*|precedenti|todo|tout|tudo"
        r"|vorige|sebelumnya|talimat\w*)"
    ),
    (
        r"\b(?:schreib|sage?|melde|berichte|antworte|écri(?:s|vez)|di(?:s|tes)|répond(?:s|ez)"
        r"|escrib[ae]|dig[ae]|di que|respond[ae]"
        r"|informe|scriv[ia]|rispond[ia]|escrev[ae]|schrijf|zeg|tulis(?:kan)?|katakan|yaz|söyle|napisz"
        r"|powiedz|sema|andika)\b"
        r".{0,60}\b(?:dass|que|che|dat|bahwa|zusammenfassung|résumé|resumen|riassunto|resumo"
        r"|samenvatting|ringkasan|özet\w*"
        r"|podsumowani\w*|muhtasari|alles|todo|tout|tutto|tudo|nur|seulement|solo|solamente|apenas"
        r"|alleen|hanya|sadece|tylko|kwamba)\b"
    ),
    (
        r"\b(?:zusammenfassung|anweisung(?:en)?|résumé|consignes?|resumen|instrucciones|riassunto"
        r"|istruzioni|resumo|instruções"
        r"|samenvatting|instructies|ringkasan|instruksi|podsumowani[ea]\w*|instrukcj\w+|muhtasari"
        r"|maagizo|sammanfattning|yhteenve\w+"
        r"|özet\w*|talimat\w*|összefoglal\w*|souhrn\w*|rezumat\w*|tóm tắt|sammendrag|instruks\w*"
        r"|περίληψη|οδηγίες|תקציר|สรุป)\b"
    ),
    r"(?:अनदेखा|नज़रअंदाज़|भूल जा|निर्देश|सारांश|लिख(?:ो|ें|िए)|बता(?:ओ|एं|इए)|कह(?:ो|ें|िए))",
    (
        r"忽略.{0,12}(?:指令|指示|说明|提示|内容)|(?:请|請)?(?:写|寫|说|說|报告|報告|输出|輸出|回答).{0,12}(?:[:：“「]|摘要|一切|所有|正常)"
        r"|摘要(?:中|里|裡)"
    ),
    (
        r"(?:игнорируй|забудь|забыть).{0,40}(?:инструкц|указан|выше|предыдущ)|(?:напиши|скажи|сообщи"
        r"|ответь|укажи)\w*\b"
    ),
    r"無視して|指示に従|(?:書いて|言って|報告して|答えて|要約に)|무시하|지시|요약|라고 (?:말|써|보고)",
    r"تجاهل|اكتب|قل إن|الملخص|التعليمات",
)
