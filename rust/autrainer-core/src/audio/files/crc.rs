//! Checksums of FLAC and Ogg, most significant bit first: eight bytes at a time, by tables.

/// What a byte, and then some zeros, add to a checksum of 32 bit; of 16 bit in the upper half.
const fn tables(polynomial: u32) -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut zeros = 0;
        while zeros < 8 {
            let mut bit = 0;
            while bit < 8 {
                crc = (crc << 1) ^ (if crc >> 31 == 1 { polynomial } else { 0 });
                bit += 1;
            }
            tables[zeros][byte] = crc;
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

static OGG: [[u32; 256]; 8] = tables(0x04c1_1db7);
static FLAC: [[u32; 256]; 8] = tables(0x8005_0000);
static FLAC_HEADER: [[u32; 256]; 8] = tables(0x0700_0000);

/// The checksum of an Ogg page goes on over some bytes.
pub(super) fn ogg(crc: u32, bytes: &[u8]) -> u32 {
    update(&OGG, crc, bytes)
}

/// The checksum of a FLAC frame; 0 where it ends with its checksum.
pub(super) fn flac(bytes: &[u8]) -> u16 {
    flac_on(0, bytes)
}

/// The checksum of a FLAC frame goes on over some bytes.
pub(super) fn flac_on(crc: u16, bytes: &[u8]) -> u16 {
    (update(&FLAC, u32::from(crc) << 16, bytes) >> 16) as u16
}

/// The checksum of the header of a FLAC frame; 0 where it ends with its checksum.
pub(super) fn flac_header(bytes: &[u8]) -> u8 {
    (update(&FLAC_HEADER, 0, bytes) >> 24) as u8
}

fn update(tables: &[[u32; 256]; 8], mut crc: u32, bytes: &[u8]) -> u32 {
    let mut eights = bytes.chunks_exact(8);
    let [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
    let at = |table: &[u32; 256], byte: u8| table[usize::from(byte)];
    for eight in &mut eights {
        let &[a, b, c, d, e, f, g, h] = eight else {
            break;
        };
        let [w, x, y, z] = crc.to_be_bytes();
        crc = at(t7, a ^ w)
            ^ at(t6, b ^ x)
            ^ at(t5, c ^ y)
            ^ at(t4, d ^ z)
            ^ at(t3, e)
            ^ at(t2, f)
            ^ at(t1, g)
            ^ at(t0, h);
    }
    for byte in eights.remainder() {
        crc = (crc << 8) ^ at(t0, (crc >> 24) as u8 ^ byte);
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_catalogue() {
        // "check" values of CRC-16/UMTS (BUYPASS), CRC-8/SMBUS and CRC-32/CKSUM without its length
        // and inversion.
        assert_eq!(flac(b"123456789"), 0xfee8);
        assert_eq!(flac_header(b"123456789"), 0xf4);
        assert_eq!(ogg(0, b"123456789"), 0x89a1_897f);
        assert_eq!(flac(b"123456789\xfe\xe8"), 0);
        assert_eq!(flac_on(flac(b"1234"), b"56789"), flac(b"123456789"));
        assert_eq!(ogg(ogg(0, b"1234"), b"56789"), ogg(0, b"123456789"));
    }
}
