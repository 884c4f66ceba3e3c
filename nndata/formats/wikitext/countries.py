"""Names of countries in English, by the codes of flags: those of ISO, and of the Olympics."""

from __future__ import annotations

__all__ = ["COUNTRY_NAMES"]


def _table(text: str) -> dict[str, str]:
    pairs = (" ".join(entry.split()).rpartition(" ") for entry in text.split(","))
    return {code: name for name, _, codes in pairs for code in codes.split("/")}


COUNTRY_NAMES = _table(
    """
    Afghanistan AFG, Albania ALB, Algeria DZA/ALG, Andorra AND, Angola AGO/ANG,
    Antigua and Barbuda ATG/ANT, Argentina ARG, Armenia ARM, Aruba ABW/ARU, Australia AUS,
    Austria AUT, Azerbaijan AZE, Bahamas BHS/BAH, Bahrain BHR/BRN, Bangladesh BGD/BAN,
    Barbados BRB/BAR, Belarus BLR, Belgium BEL, Belize BLZ/BIZ, Benin BEN, Bermuda BMU/BER,
    Bhutan BTN/BHU, Bolivia BOL, Bosnia and Herzegovina BIH, Botswana BWA/BOT, Brazil BRA,
    Bulgaria BGR/BUL, Burkina Faso BFA/BUR, Burundi BDI, Cambodia KHM/CAM, Cameroon CMR,
    Canada CAN, Cape Verde CPV, Central African Republic CAF, Chad TCD/CHA, Chile CHL/CHI,
    China CHN, Colombia COL, Comoros COM, Republic of the Congo COG/CGO,
    Democratic Republic of the Congo COD, Costa Rica CRI/CRC, Croatia HRV/CRO, Cuba CUB,
    Cyprus CYP, Czech Republic CZE, Czechoslovakia TCH/CSK, Denmark DNK/DEN, Djibouti DJI,
    Dominica DMA, Dominican Republic DOM, East Germany GDR/DDR, East Timor TLS, Ecuador ECU,
    Egypt EGY, El Salvador SLV/ESA, England ENG, Equatorial Guinea GNQ/GEQ, Eritrea ERI,
    Estonia EST, Eswatini SWZ, Ethiopia ETH, Faroe Islands FRO/FAR, Fiji FJI/FIJ, Finland FIN,
    France FRA, Gabon GAB, Gambia GMB/GAM, Georgia GEO, Germany DEU/GER, Ghana GHA,
    Gibraltar GIB, Greece GRC/GRE, Greenland GRL, Grenada GRD/GRN, Guam GUM, Guatemala GTM/GUA,
    Guinea GIN/GUI, Guinea-Bissau GNB/GBS, Guyana GUY, Haiti HTI/HAI, Honduras HND/HON,
    Hong Kong HKG, Hungary HUN, Iceland ISL, India IND, Indonesia IDN/INA, Iran IRN/IRI,
    Iraq IRQ, Ireland IRL, Israel ISR, Italy ITA, Ivory Coast CIV, Jamaica JAM, Japan JPN,
    Jordan JOR, Kazakhstan KAZ, Kenya KEN, Kiribati KIR, Kosovo KOS, Kuwait KWT/KUW,
    Kyrgyzstan KGZ, Laos LAO, Latvia LVA/LAT, Lebanon LBN/LIB, Lesotho LSO/LES,
    Liberia LBR, Libya LBY/LBA, Liechtenstein LIE, Lithuania LTU, Luxembourg LUX, Macau MAC,
    Madagascar MDG/MAD, Malawi MWI/MAW, Malaysia MYS/MAS, Maldives MDV, Mali MLI, Malta MLT,
    Mauritania MRT/MTN, Mauritius MUS/MRI, Mexico MEX, Micronesia FSM, Moldova MDA, Monaco MCO/MON,
    Mongolia MNG/MGL, Montenegro MNE, Morocco MAR, Mozambique MOZ, Myanmar MMR/MYA,
    Namibia NAM, Nauru NRU, Nepal NPL/NEP, Netherlands NLD/NED, New Zealand NZL,
    Nicaragua NIC/NCA, Niger NER/NIG, Nigeria NGA/NGR, North Korea PRK, North Macedonia MKD,
    Northern Ireland NIR, Norway NOR, Oman OMN/OMA, Pakistan PAK, Palau PLW, Palestine PSE/PLE,
    Panama PAN, Papua New Guinea PNG, Paraguay PRY/PAR, Peru PER, Philippines PHL/PHI, Poland POL,
    Portugal PRT/POR, Puerto Rico PRI/PUR, Qatar QAT, Romania ROU, Russia RUS, Rwanda RWA,
    Saint Kitts and Nevis KNA/SKN, Saint Lucia LCA, Saint Vincent and the Grenadines VCT/VIN,
    Samoa WSM/SAM, San Marino SMR, São Tomé and Príncipe STP, Saudi Arabia SAU/KSA, Scotland SCO,
    Senegal SEN, Serbia SRB, Serbia and Montenegro SCG, Seychelles SYC/SEY, Sierra Leone SLE,
    Singapore SGP/SIN, Slovakia SVK, Slovenia SVN/SLO, Solomon Islands SLB/SOL, Somalia SOM,
    South Africa ZAF/RSA, South Korea KOR, South Sudan SSD, Soviet Union URS, Spain ESP,
    Sri Lanka LKA/SRI, Sudan SDN/SUD, Suriname SUR, Sweden SWE, Switzerland CHE/SUI, Syria SYR,
    Taiwan TWN, Chinese Taipei TPE, Tajikistan TJK, Tanzania TZA/TAN, Thailand THA, Togo TGO/TOG,
    Tonga TON/TGA, Trinidad and Tobago TTO/TRI, Tunisia TUN, Turkey TUR, Turkmenistan TKM,
    Tuvalu TUV, Uganda UGA, Ukraine UKR, United Arab Emirates ARE/UAE, United Kingdom GBR/UK,
    United States USA, Uruguay URY/URU, Uzbekistan UZB, Vanuatu VUT/VAN,
    Vatican City VAT, Venezuela VEN, Vietnam VNM/VIE, Wales WAL, Western Sahara ESH,
    West Germany FRG, Yemen YEM, Yugoslavia YUG, Zambia ZMB/ZAM, Zimbabwe ZWE/ZIM,
    Åland ALA, American Samoa ASM/ASA, Anguilla AIA, Bouvet Island BVT,
    British Virgin Islands VGB/IVB, Cayman Islands CYM/CAY, Cook Islands COK, Curaçao CUW,
    Falkland Islands FLK, French Guiana GUF, French Polynesia PYF, Guadeloupe GLP, Guernsey GGY,
    Isle of Man IMN/IOM, Jersey JEY, Marshall Islands MHL, Martinique MTQ, Mayotte MYT,
    Montserrat MSR, Netherlands Antilles AHO, New Caledonia NCL, Niue NIU,
    Northern Mariana Islands MNP, Réunion REU, Saint Helena SHN, Saint Pierre and Miquelon SPM,
    Sint Maarten SXM, Svalbard and Jan Mayen SJM, Tokelau TKL, Turks and Caicos Islands TCA,
    United States Virgin Islands VIR/ISV
    """
)
