"""The words of wikitext in many languages: namespaces, redirects, interlanguage prefixes.

A dump's siteinfo gives the local name of a namespace but not its aliases, and often enough it is
another wiki's; so the names of all languages are known here, and a page may use any of them.
"""

from __future__ import annotations

__all__ = [
    "CATEGORY",
    "FILE",
    "LANGUAGES",
    "NAMESPACES",
    "REDIRECTS",
    "SWITCHES",
    "SWITCHES_IN_ANY_CASE",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILE = _words(
    """
    file image datei bild fichier archivo imagen immagine ficheiro arquivo imagem bestand
    afbeelding fil bilde billede tiedosto kuva plik grafika soubor súbor obrázok fájl kép
    fișier fişier imagine datoteka slika pilt fail attēls vaizdas dosya resim şəkil fayl
    tasvir faýl berkas gambar imej tập_tin hình dosiero fasciculus imago fitxategi irudi
    imaxe fitxer imatge fichièr ficheru imaxen archivu imachen fichero restr skeudenn
    delwedd íomhá faidhle dealbh mynd lêer beeld bestân ofbyld plaetje aafbeilding bielde
    dataja wobraz òbrôzk skeda figura stampa fajl wêne dosye fichye imaj sary rakitra
    talaksan larawan payl imahen picha faili fáìlì rikcha ta'ãnga arkivo imajo ragiv magod
    immàgini mmàggini fiùra archivi imagin figure immaggine datoteca imådje imàjine émâge
    ofbeeldienge eimage fyle skråť bildur bylae bestaand bestaund afbeeldynge ofbeelding
    ofbielding failas bilete vikipediya_şəkil surat suret файл картинка изображение
    зображення выява малюнак податотека слика датотека сурет сүрөт рәсем ӳкерчĕк ӳкерчӗк акс
    зураг ныв билэ ойуу сурт хьуо суьрат няйф нывпас хӕрзӕг αρχείο εικόνα ფაილი სურათი პაილი
    պատկեր ֆայլ קובץ תמונה טעקע בילד ملف صورة پرونده تصویر وێنە پەڕگە فائل عکس فایل انځور
    دوتنه ھۆججەت رسم شکل चित्र चित्रं चित्रम् सञ्चिका किपा फ़ाइल छवि छवी संचिका चित्रपट ছবি
    চিত্র চিত্ৰ ਤਸਵੀਰ ਫ਼ਾਈਲ ચિત્ર ફાઇલ ଫାଇଲ ଛବି படிமம் பட்டிமம் బొమ్మ దస్త్రం ఫైలు ಚಿತ್ರ
    ಫೈಲ್ ചിത്രം പ്രമാണം ගොනුව රූපය ไฟล์ ภาพ ຮູບ ໄຟລ໌ ဖိုင် រូបភាព ឯកសារ ፋይል ስዕል 파일 그림
    ファイル 画像 文件 档案 檔案 图像 圖像 影像 图片 圖片 文檔 tóng-àn
    """
)

CATEGORY = _words(
    """
    category cat kategorie catégorie categoría categoria categorie catigoria categurìa
    catigurìa catègorie kategori kategoria kategória kategorija kategorio kategoriya
    kateqoriya kateqoriýa kategoriýa turkum kategoorie kategory kategorïe kategooria luokka
    kategorije flokkur bólkur thể_loại rummad categorieën catagóir roinn-seòrsa roinn seòrsa
    ronney klass klad kategorîe kategorya kategorienn kategoryo kaarangay sokajy jamii ẹ̀ka
    katiguriya ñemohenda klado kategôrëjô kateguria catîgorîye catègorîa catigurì categoriè
    catigory kategorî kategurija catagorie kategoriija categurie bachèque categorìa
    kategorjia catigoría kategoría категория категорія катэгорыя категорија санат төркем
    категори гурӯҳ гуруҳ ангилал категорийә катэгорія категориес тĕркем тӗркем бөлүк
    кадегори катагори категорие κατηγορία კატეგორია კატეგორიე կատեգորիա ստորոգութիւն קטגוריה
    קאַטעגאָריע تصنيف رده پۆل زمرہ گٹھ گٹ وېشنيزه تۈر زمرو ڪيٽيگري بؤلمه رسته رج کٲٹیگری
    श्रेणी वर्ग वर्गः पुचः বিষয়শ্রেণী শ্রেণী শ্ৰেণী থাক ਸ਼੍ਰੇਣੀ શ્રેણી ଶ୍ରେଣୀ பகுப்பு வర్గం
    వర్గం ವರ್ಗ വർഗ്ഗം ප්‍රවර්ගය หมวดหมู่ ໝວດ ကဏ္ဍ ចំណាត់ថ្នាក់ក្រុម መደብ 분류 カテゴリ 分类
    分類 lūi-pia̍t
    """
)

# What every wiki calls the other namespaces, beside its own names.
NAMESPACES = frozenset(
    {"talk", "user", "user talk", "project", "project talk", "file talk", "mediawiki"}
    | {"mediawiki talk", "template", "template talk", "help", "help talk", "category talk"}
    | {"special", "media"}
)

# Prefixes of links to the same page in another language, which MediaWiki shows beside the page.
LANGUAGES = _words(
    """
    aa ab ace ady af ak als alt am ami an ang ann anp ar arc ary arz as ast atj av avk awa
    ay az azb ba ban bar bat-smg bbc bcl bdr be be-tarask be-x-old bew bg bh bi bjn blk bm
    bn bo bpy br bs btm bug bxr ca cbk-zam cdo ce ceb ch cho chr chy ckb co cr crh cs csb cu
    cv cy da dag de dga din diq dsb dtp dty dv dz ee el eml en eo es et eu ext fa fat ff fi
    fiu-vro fj fo fon fr frp frr fur fy ga gag gan gcr gd gl glk gn gom gor got gpe gsw gu
    guc gur guw gv ha hak haw he hi hif ho hr hsb ht hu hy hyw hz ia iba id ie ig igl ii ik
    ilo inh io is it iu ja jam jbo jv ka kaa kab kaj kbd kbp kcg kg kge ki kj kk kl km kn
    knc ko koi kr krc ks ksh ku kus kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo
    lrc lt ltg lv lzh mad mai map-bms mdf mg mh mhr mi min mk ml mn mni mnw mo mos mr mrj ms
    mt mus mwl my myv mzn na nah nan nap nds nds-nl ne new ng nia nl nn no nb nov nqo nr nrm
    nso nup nv ny oc olo om or os pa pag pam pap pcd pcm pdc pdt pfl pi pih pl pms pnb pnt
    ps pt pwn qu rm rmy rn roa-rup roa-tara ro rsk ru rue rup rw sa sah sat sc scn sco sd se
    sg sgs sh shi shn shy si sk skr sl sm smn sn so sq sr srn ss st stq su sv sw syl szl szy
    ta tay tcy tdd te tet tg th ti tig tk tl tly tn to tok tpi tr trv ts tt tum tw ty tyv
    udm ug uk ur uz ve vec vep vi vls vo vro wa war wo wuu xal xh xmf yi yo yue za zea zgh
    zh zh-classical zh-cn zh-min-nan zh-tw zh-yue zu simple cz dk jp
    """
)

REDIRECTS = _words(
    """
    redirect redirection redirección redirecionamento rinvia weiterleitung doorverwijzing
    перенаправление перенапр перенаправлення преусмери преусмјери пренасочване виж
    пренасочување пераньправаньне перанакіраванне patrz przekieruj tam přesměruj presmeruj
    omdiriger omdirigering ohjaus uudelleenohjaus átirányítás yönlendirme yönlendi̇r
    yönlendir istiqamətləndirmə đổi alih lencongan lencong redirige redirixir redireccionar
    desvío redirectare redirecteaza preusmeri preusmjeri suuna tilvísun birzuzendu ridirect
    orraích ails-chyfeirio adkas alidirektu redirekto restituto dúyonáyaa tilfirri
    daorveriyinga áframsending vidavyrazavać apastuma ανακατευθυνση ανακατεύθυνση
    გადამისამართება վերահղում айдау айдоо йүнәлтү юнәлтү масраф бурылу הפניה ווייטערפירן
    تحويل تغییر_مسیر تغییرمسیر رجوع_مکرر رڈائریکٹ अनुप्रेषित पुनर्प्रेषित पुनर्निर्देशन
    পুনর্নির্দেশনা পুনর্নির্দেশ வழிமாற்று దారిమార్పు ತಿರುಗಿಸು തിരിച്ചുവിടുക เปลี่ยนทาง
    បញ្ជូនបន្ត 넘겨주기 転送 リダイレクト 重定向 重新導向
    """
)

# Behaviour switches; words of another script between double underscores are taken for one, too.
SWITCHES = _words(
    """
    NOTOC FORCETOC TOC NOEDITSECTION NEWSECTIONLINK NONEWSECTIONLINK NOGALLERY HIDDENCAT
    INDEX NOINDEX DISAMBIG EXPECTUNUSEDCATEGORY EXPECTUNUSEDTEMPLATE EXPECTWITHOUTSCANS
    NOCONTENTCONVERT NOCC NOTITLECONVERT NOTC START END STATICREDIRECT NOGLOBAL ARCHIVEDTALK
    NOTALK INHALTSVERZEICHNIS KEIN_INHALTSVERZEICHNIS INHALTSVERZEICHNIS_ERZWINGEN
    ABSCHNITTE_NICHT_BEARBEITEN KEINE_GALERIE KEIN_INDEX BEGRIFFSKLÄRUNG SOMMAIRE TDM
    AUCUNSOMMAIRE AUCUNETDM PASDETDM FORCERSOMMAIRE SECTIONNONEDITABLE AUCUNINDEX GEENINHOUD
    INHOUD FORCEERINHOUD NIETBEWERKBARESECTIE GEENGALERIJ DOORVERWIJSPAGINA BEZSPISU
    ZESPISEM SPIS BEZEDYCJISEKCJI NOTDC TDC FORZARTDC SEMTDC FORCARTDC SEMEDITARSEÇÃO
    DESAMBIGUACIÓN INGENINNEHÅLLSFÖRTECKNING INNEHÅLLSFÖRTECKNING DESAMBIG SEMSUMÁRIO
    SUMÁRIO NIENTEINDICE INDICE FORZAINDICE NOINDICE NOINDICI BEZOBSAHU
    """
)

SWITCHES_IN_ANY_CASE = _words(
    """
    NOTOC FORCETOC TOC NOEDITSECTION NOGALLERY NOCONTENTCONVERT NOCC NOTITLECONVERT NOTC
    """
)
